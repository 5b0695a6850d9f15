/// All that a PMBus regulator says about its state: STATUS_WORD (0x79) and the seven registers behind it.
///
/// Addresses: boards.md §4.2. Names of the bits of 0x7A to 0x7F: the PMBus specification, part II, "Status commands";
/// those of 0x80 differ from part to part and are shown as numbers.
public struct RegulatorReport: Hashable, Sendable {
    public let word: RegulatorStatus
    /// STATUS_VOUT, _IOUT, _INPUT, _TEMPERATURE, _CML, _OTHER, _MFR_SPECIFIC: seven bytes.
    public let details: [UInt8]

    public init(word: RegulatorStatus, details: [UInt8]) {
        precondition(details.count == Self.bits.count, "STATUS_WORD has seven detail registers")
        self.word = word
        self.details = details
    }

    /// The part has ended its output by itself, or is about to: while the output ought to be on.
    public var isFaulted: Bool { !word.isDisjoint(with: .faults) }

    /// The set bits in words: those of STATUS_WORD first, then each detail register's, most significant first.
    public var names: [String] {
        word.names
            + zip(details, Self.bits).flatMap { byte, register in
                (0..<8).reversed().filter { byte & 1 << $0 != 0 }
                    .map { "\(register.name): \(register.bits[$0] ?? "bit \($0)")" }
            }
    }

    private static let bits: [(name: String, bits: [Int: String])] = [
        (
            "output",
            [
                7: "over-voltage fault", 6: "over-voltage warning", 5: "under-voltage warning",
                4: "under-voltage fault", 3: "beyond its bounds", 2: "did not rise in time",
                1: "did not fall in time", 0: "did not follow",
            ]
        ),
        (
            "output current",
            [
                7: "over-current fault", 6: "over-current and low voltage fault", 5: "over-current warning",
                4: "under-current fault", 3: "phases share it unevenly", 2: "limited", 1: "over-power fault",
                0: "over-power warning",
            ]
        ),
        (
            "input",
            [
                7: "over-voltage fault", 6: "over-voltage warning", 5: "under-voltage warning",
                4: "under-voltage fault", 3: "too low, so that the part is off", 2: "over-current fault",
                1: "over-current warning", 0: "over-power warning",
            ]
        ),
        (
            "temperature",
            [
                7: "over-temperature fault", 6: "over-temperature warning", 5: "under-temperature warning",
                4: "under-temperature fault",
            ]
        ),
        (
            "communication",
            [
                7: "unknown command", 6: "bad data", 5: "bad packet check", 4: "memory fault",
                3: "processor fault", 1: "other fault on the bus", 0: "other memory or logic fault",
            ]
        ),
        (
            "other",
            [
                5: "fuse of input A", 4: "fuse of input B", 3: "switch of input A", 2: "switch of input B",
                1: "switch of the output",
            ]
        ),
        ("part's own", [:]),
    ]
}
