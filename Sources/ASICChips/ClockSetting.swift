public import Units

/// How a model's clock register holds the dividers. Source: bm13xx.md §7.1, §17.
public enum ClockEncoding: Hashable, Sendable {
    /// BM1362 and later, register 0x08: post-dividers less one; bit 28 from 2400 MHz of the oscillator.
    case minusOne
    /// BM1397, register 0x08: post-dividers as they are.
    case raw
    /// BM1387, register 0x0C: as they are, in fields of other widths, and no enable bit.
    case narrow
}

/// Dividers of the hash clock: 25 MHz × feedback ÷ (reference × postdivider 1 × postdivider 2). Source: bm13xx.md §7.1.
public struct ClockSetting: Hashable, Sendable {
    public let feedback: Int
    public let reference: Int
    public let postDivider1: Int
    public let postDivider2: Int
    public let encoding: ClockEncoding

    /// - Parameters: `feedback` 1 to 4095, `reference` 1 to 63, post-dividers 1 to 8: what the register's fields hold.
    ///   Raw post-dividers end at 7; narrow fields hold a feedback up to 255 and a reference up to 15.
    public init(
        feedback: Int, reference: Int, postDivider1: Int, postDivider2: Int,
        encoding: ClockEncoding = .minusOne
    ) {
        let (maximumFeedback, maximumReference, maximumPost) =
            switch encoding {
            case .minusOne: (0xfff, 0x3f, 8)
            case .raw: (0xfff, 0x3f, 7)
            case .narrow: (0xff, 0xf, 7)
            }
        precondition(
            (1...maximumFeedback).contains(feedback) && (1...maximumReference).contains(reference),
            "PLL dividers in range")
        precondition(
            (1...maximumPost).contains(postDivider1) && (1...maximumPost).contains(postDivider2),
            "PLL dividers in range")
        self.feedback = feedback
        self.reference = reference
        self.postDivider1 = postDivider1
        self.postDivider2 = postDivider2
        self.encoding = encoding
    }

    /// What the oscillator runs at, before the post-dividers.
    public var oscillatorMegahertz: Double { 25 * Double(feedback) / Double(reference) }

    /// The hash clock, to the nearest hertz.
    public var frequency: Hertz { .megahertz(oscillatorMegahertz / Double(postDivider1 * postDivider2)) }

    /// Where the setting is written and read.
    public var register: Register {
        switch encoding {
        case .minusOne, .raw: .pll0
        case .narrow: .bm1387PLL
        }
    }

    /// What is written to `register`; bit 30 enables, where there is one.
    public var registerValue: UInt32 {
        switch encoding {
        case .minusOne: (oscillatorMegahertz >= 2400 ? 0x5000_0000 : 0x4000_0000) | fields
        case .raw: 0x4000_0000 | fields
        case .narrow: fields
        }
    }

    /// What a register's value says, whatever its other bits.
    ///
    /// - Returns: `nil` where a divider would be zero.
    public init?(registerValue value: UInt32, encoding: ClockEncoding) {
        func field(_ shift: UInt32, _ mask: UInt32) -> Int { Int(value >> shift & mask) }
        let (feedback, reference, first, second) =
            switch encoding {
            case .minusOne: (field(16, 0xfff), field(8, 0x3f), field(4, 7) + 1, field(0, 7) + 1)
            case .raw: (field(16, 0xfff), field(8, 0x3f), field(4, 7), field(0, 7))
            case .narrow: (field(16, 0xff), field(8, 0xf), field(4, 7), field(0, 7))
            }
        guard feedback > 0, reference > 0, first > 0, second > 0 else { return nil }
        self.init(
            feedback: feedback, reference: reference, postDivider1: first, postDivider2: second,
            encoding: encoding)
    }

    /// Whether a chip that answers a read of `register` so runs at this clock: the same dividers and, where the register
    /// has a lock bit (31), locked.
    public func isConfirmed(by value: UInt32) -> Bool {
        let isLocked =
            switch encoding {
            case .minusOne, .raw: value >> 31 == 1
            case .narrow: true
            }
        return isLocked && ClockSetting(registerValue: value, encoding: encoding) == self
    }

    /// The dividers at their places.
    private var fields: UInt32 {
        let less = encoding == .minusOne ? 1 : 0
        return UInt32(feedback) << 16 | UInt32(reference) << 8 | UInt32(postDivider1 - less) << 4
            | UInt32(postDivider2 - less)
    }
}
