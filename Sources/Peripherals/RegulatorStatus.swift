/// What PMBus STATUS_WORD (0x79) says. Bits and names: boards.md §4.2.
public struct RegulatorStatus: OptionSet, Hashable, Sendable {
    public let rawValue: UInt16

    public init(rawValue: UInt16) { self.rawValue = rawValue }

    public static let noneOfTheAbove = Self(rawValue: 1 << 0)
    public static let communication = Self(rawValue: 1 << 1)
    public static let temperature = Self(rawValue: 1 << 2)
    public static let inputUnderVoltage = Self(rawValue: 1 << 3)
    public static let outputOverCurrent = Self(rawValue: 1 << 4)
    public static let outputOverVoltage = Self(rawValue: 1 << 5)
    public static let off = Self(rawValue: 1 << 6)
    public static let busy = Self(rawValue: 1 << 7)
    public static let other = Self(rawValue: 1 << 9)
    public static let powerNotGood = Self(rawValue: 1 << 11)
    public static let manufacturer = Self(rawValue: 1 << 12)
    public static let input = Self(rawValue: 1 << 13)
    public static let outputCurrent = Self(rawValue: 1 << 14)
    public static let outputVoltage = Self(rawValue: 1 << 15)

    /// The bits that end mining when the output ought to be on; shipping firmware watches the same five.
    public static let faults: Self = [
        .off, .outputOverVoltage, .outputOverCurrent, .inputUnderVoltage, .temperature,
    ]

    /// The set bits in words, most significant first; an unnamed bit shows as its number.
    public var names: [String] {
        (0..<16).reversed().filter { rawValue & 1 << $0 != 0 }.map { Self.words[$0] ?? "bit \($0)" }
    }

    private static let words: [Int: String] = [
        15: "output voltage", 14: "output current", 13: "input", 12: "manufacturer specific",
        11: "power not good", 9: "other", 7: "busy", 6: "output off", 5: "output over-voltage",
        4: "output over-current", 3: "input under-voltage", 2: "temperature", 1: "communication",
        0: "none of the above",
    ]
}
