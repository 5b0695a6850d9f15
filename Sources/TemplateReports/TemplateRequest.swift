public import Payouts
public import PolicyFiles
public import TemplateSources

/// What the commands about templates are asked.
public struct TemplateRequest: Hashable, Sendable {
    /// A file; see ``TemplateSource``.
    public var source: String
    /// A policy file; see ``PolicyFile``.
    public var policy: String?
    /// An address or descriptor that the block pays to.
    public var payout: String?
    /// Weight units that are not for transactions, counted as a node counts its `-blockreservedweight`: transactions
    /// stay below what it leaves, and their sigop cost below 79,600 (templates.md §1). Without it the header, the
    /// count and the coinbase get exactly what they need.
    public var reserve: UInt64?
    /// The network of payouts and of addresses in the policy, where the source does not tell or is not believed.
    public var network: BitcoinNetwork?

    public init(
        source: String, policy: String? = nil, payout: String? = nil, reserve: UInt64? = nil,
        network: BitcoinNetwork? = nil
    ) {
        self.source = source
        self.policy = policy
        self.payout = payout
        self.reserve = reserve
        self.network = network
    }
}

/// Why a command about templates has no answer.
public enum TemplateCommandFault: Error, Hashable, Sendable {
    case source(SourceFault)
    case policy(PolicyFileFault)
    /// The payout as it was given.
    case payout(String, DescriptorFault)
    /// A block needs so many weight units beside its transactions.
    case reserveTooSmall(UInt64, needed: UInt64)
    case reserveTooLarge(UInt64)
    /// Not 64 hexadecimal digits.
    case notAnID(String)
    /// The coinbase that this payout and tip need cannot be made; what is wrong with it.
    case coinbase(String)

    /// What the program ends with: 64 for wrong usage, 78 for a wrong configuration, 1 for anything else
    /// (`sysexits.h`).
    public var exitStatus: Int32 {
        switch self {
        case .source, .coinbase: 1
        case .policy: 78
        case .payout, .reserveTooSmall, .reserveTooLarge, .notAnID: 64
        }
    }
}

extension TemplateCommandFault: CustomStringConvertible {
    /// A sentence for the operator: where, what, and what to do.
    public var description: String {
        switch self {
        case .source(let fault): "\(fault)"
        case .policy(let fault): "\(fault)"
        case .payout(let text, let fault):
            "--payout \(PayoutWords.shown(text, fault)): \(PayoutWords.words(fault)). Correct the address or "
                + "descriptor."
        case .reserveTooSmall(let reserve, let needed):
            "--reserve \(reserve): header, count and coinbase of this block take \(needed) weight units. Give it at "
                + "least that, or leave it out."
        case .reserveTooLarge(let reserve):
            "--reserve \(reserve): a block has 4000000 weight units. Give it less."
        case .notAnID(let text):
            "\"\(text.prefix(100))\" is no transaction id. Give it 64 hexadecimal digits, as explorers print them."
        case .coinbase(let problem): "no coinbase can be made: \(problem)."
        }
    }
}

/// Sentences about payouts.
enum PayoutWords {
    /// The text, unless it may hold a secret.
    static func shown(_ text: String, _ fault: DescriptorFault) -> String {
        switch fault {
        case .privateKey, .address(.privateKey): "(not shown)"
        default: "\"\(text.prefix(120))\""
        }
    }

    static func words(_ fault: DescriptorFault) -> String {
        switch fault {
        case .privateKey: "it looks like a private key, which has no place here"
        case .address(let address): address.words
        case .unsupported(let name): "descriptors of the kind \(name)() are not supported"
        case .checksum(let right): "its checksum is wrong; if the rest is right, it is \(right)"
        default: "it is no descriptor that can be used (\(fault))"
        }
    }
}
