public import BitcoinPrimitives

/// Why the payload of a message is refused, and where in it.
public enum MessageFault: Error, Hashable, Sendable {
    /// It ends at `offset`, where more was announced.
    case truncated(offset: Int)
    /// Bytes are left after its end.
    case trailing(count: Int)
    /// A count at `offset` is not in its shortest form, or larger than the payload could hold.
    case badCount(offset: Int)
    /// More items than the protocol allows.
    case tooMany(Int, limit: Int)
    /// A flag that is neither 0 nor 1.
    case badFlag(UInt8)
    /// A transaction that is none.
    case transaction(ParsingFault)
    /// A header with transactions behind it, in a message that has none.
    case headerWithTransactions
    /// Entry `entry` of a list of indexes goes beyond 16 bits, or beyond the end of the block.
    case indexOverflow(entry: Int)
    /// A compact block without any transaction.
    case noTransactions
    /// A text (of the version message) that is longer than allowed.
    case textTooLong(Int)
}

extension MessageFault: CustomStringConvertible {
    public var description: String {
        switch self {
        case .truncated(let offset): "it ends at byte \(offset), where more must follow"
        case .trailing(let count): "\(count) bytes follow after its end"
        case .badCount(let offset): "the count at byte \(offset) is not in its shortest form, or too large"
        case .tooMany(let count, let limit): "it has \(count) items, where \(limit) are allowed"
        case .badFlag(let flag): "its flag is \(flag), where 0 or 1 is allowed"
        case .transaction(let fault): "a transaction in it cannot be read (\(fault))"
        case .headerWithTransactions: "transactions follow a header in it"
        case .indexOverflow(let entry): "entry \(entry) of its indexes goes beyond the end of the block"
        case .noTransactions: "it has no transactions"
        case .textTooLong(let count): "its text has \(count) bytes"
        }
    }
}
