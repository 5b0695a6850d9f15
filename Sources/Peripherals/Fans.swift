/// How long of each pulse a fan is driven, in whole percent.
public struct FanDuty: Hashable, Comparable, Sendable {
    /// 0...100.
    public let percent: Int

    /// - Returns: `nil` outside 0...100.
    public init?(percent: Int) {
        guard (0...100).contains(percent) else { return nil }
        self.percent = percent
    }

    private init(known percent: Int) { self.percent = percent }

    public static let off = FanDuty(known: 0)
    public static let full = FanDuty(known: 100)

    /// Steps out of `most`, rounded up: a fan is rather too fast than too slow.
    func steps(of most: Int) -> UInt8 {
        precondition((1...255).contains(most), "a duty register has a byte")
        return UInt8((percent * most + 99) / 100)
    }

    public static func < (a: FanDuty, b: FanDuty) -> Bool { a.percent < b.percent }
}

/// Turns a minute; 0 is a fan that stands, or one without a tachometer wire.
public struct FanSpeed: Hashable, Comparable, Sendable {
    public let revolutionsPerMinute: Int

    public init(revolutionsPerMinute: Int) { self.revolutionsPerMinute = revolutionsPerMinute }

    public static let stopped = FanSpeed(revolutionsPerMinute: 0)
    public var isStopped: Bool { revolutionsPerMinute == 0 }

    public static func < (a: FanSpeed, b: FanSpeed) -> Bool {
        a.revolutionsPerMinute < b.revolutionsPerMinute
    }
}

/// How a fan controller counts the time between pulses of a fan. Source: boards.md §5.
public enum TachometerFormat: Hashable, Sendable {
    /// Low byte, then high byte, both of one reading only in this order: 5,400,000 / count.
    case emc2101
    /// High byte, then low byte with three spare bits: 7,864,320 / (word >> 3).
    case emc2103
    /// As before, 3,932,160 / (word >> 3) at a multiplier of 1. One driver names the first register the low one; its
    /// arithmetic, the other driver's and the kernel's agree on high first.
    case emc2302

    /// No fan of a miner turns faster: a count below is noise.
    public static let fastest = FanSpeed(revolutionsPerMinute: 30_000)

    /// The speed that two bytes stand for, in the order in which they are read.
    ///
    /// - Returns: `.stopped` for a count that is none (all zeros, all ones) or at the counter's end, `nil` for a
    ///   speed above `fastest`.
    public func speed(_ first: UInt8, _ second: UInt8) -> FanSpeed? {
        let (count, end, rate): (Int, Int, Int) =
            switch self {
            case .emc2101: (Int(second) << 8 | Int(first), 0xFFFF, 5_400_000)
            case .emc2103: (Self.thirteenBits(first, second), 0x1FFF, 7_864_320)
            case .emc2302: (Self.thirteenBits(first, second), 0x1FFF, 3_932_160)
            }
        guard count > 0, count < end, !(self == .emc2302 && first == 0xFF) else { return .stopped }
        let speed = FanSpeed(revolutionsPerMinute: rate / count)
        // 82 is what the EMC2101's counter shows at its end; drivers of both parts take it for a fan that stands.
        if self != .emc2302, speed.revolutionsPerMinute <= 82 { return .stopped }
        return speed <= Self.fastest ? speed : nil
    }

    private static func thirteenBits(_ high: UInt8, _ low: UInt8) -> Int { (Int(high) << 8 | Int(low)) >> 3 }
}
