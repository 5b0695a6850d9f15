public import ASICWire
import ASICChips
public import Units

/// Asks the chips on a port who they are, in each dialect in turn, and changes nothing: a read of CHIP_ID, which every
/// model answers once it has power and is out of reset (bm13xx.md §5).
public struct ChainProbe: Sendable {
    public struct Chip: Hashable, Sendable {
        /// Register 0x00, bits 31 to 16.
        public var id: UInt16
        /// As the chip gives it: 0 before addresses were handed out.
        public var address: UInt8
    }

    public struct Finding: Hashable, Sendable {
        /// Nearest the host first.
        public var chips: [Chip]
        public var dialect: WireDialect
        /// Bytes that came and belong to no answer: 0 is silence, many are a wrong rate or another device.
        public var unreadableBytes: Int
    }

    public enum Action: Hashable, Sendable {
        case send([UInt8])
        /// Call `woke` then. Replaces an earlier one.
        case wake(at: Instant)
        case finished(Finding)
    }

    /// No more answers are expected after such a silence.
    static let silence = Duration.milliseconds(500)
    /// Of answers: more than any chain has chips, at 11 bytes each. What comes beyond is not kept.
    static let capacity = 4_096

    private var dialects: ArraySlice<WireDialect> = [.preambled, .bare]
    private var bytes: [UInt8] = []
    private var unreadable = 0
    private var until = Instant(nanoseconds: .min)
    private var isOver = false

    public init() {}

    public mutating func begin(at now: Instant) -> [Action] { ask(at: now) }

    public mutating func received(_ new: [UInt8], at now: Instant) -> [Action] {
        guard !isOver else { return [] }
        bytes += new.prefix(Self.capacity - bytes.count)
        guard bytes.count < Self.capacity else { return [] }  // a babbler does not keep us longer
        until = now + Self.silence
        return [.wake(at: until)]
    }

    public mutating func woke(at now: Instant) -> [Action] {
        guard !isOver, now >= until, let dialect = dialects.first else { return [] }
        let formats: [ResponseFormat] = dialect == .bare ? [.bare] : [.short, .long]
        let readings = formats.map { Self.read(bytes, $0) }
        let best = readings.max { $0.chips.count < $1.chips.count } ?? ([], bytes.count)
        unreadable += best.unreadable
        dialects = dialects.dropFirst()
        if best.chips.isEmpty, !dialects.isEmpty { return ask(at: now) }
        isOver = true
        return [.finished(Finding(chips: best.chips, dialect: dialect, unreadableBytes: unreadable))]
    }

    private mutating func ask(at now: Instant) -> [Action] {
        guard let dialect = dialects.first else { return [] }
        bytes = []
        until = now + Self.silence
        let question = ChipCommand.read(register: Register.chipID.address, from: .everyChip)
        return [.send(question.wireBytes(dialect)), .wake(at: until)]
    }

    private static func read(_ bytes: [UInt8], _ format: ResponseFormat) -> (chips: [Chip], unreadable: Int) {
        var (chips, unreadable, position) = ([Chip](), 0, 0)
        while true {
            switch decodeResponse(bytes[position...], format) {
            case .frame(.register(let reply), let length) where reply.register == Register.chipID.address:
                // In the bare form the address stands in the value (bm13xx.md §17).
                let address = format == .bare ? UInt8(reply.value & 0xff) : reply.chipAddress
                chips.append(Chip(id: UInt16(reply.value >> 16), address: address))
                position += length
            case .frame(_, let length):
                position += length
            case .skip(let count):
                unreadable += count
                position += count
            case .needMore:
                return (chips, unreadable + bytes.count - position)
            }
        }
    }
}
