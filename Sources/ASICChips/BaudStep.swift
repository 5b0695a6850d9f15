public import Units

/// A value for a register of every chip.
public struct RegisterWrite: Hashable, Sendable {
    public let register: Register
    public let value: UInt32

    public init(_ register: Register, _ value: UInt32) {
        self.register = register
        self.value = value
    }
}

/// A link rate: what the host is set to, and how the chips get there. Source: bm13xx.md §6.1, §6.2, §7.3.
public struct BaudStep: Hashable, Sendable {
    public let host: BaudRate
    /// What the chips really run at, to the symbol below.
    public let chips: BaudRate
    /// Broadcast at the old rate, in this order.
    public let writes: [RegisterWrite]

    public init(host: BaudRate, chips: BaudRate, writes: [RegisterWrite]) {
        self.host = host
        self.chips = chips
        self.writes = writes
    }

    /// BM1362 to BM1370 on the 25 MHz reference: the divider stands in bits 15 to 8 of FAST_UART.
    init(host: BaudRate, fastUART value: UInt32) {
        self.init(
            host: host, chips: .divided(by: value >> 8 & 0xff),
            writes: [RegisterWrite(.fastUART, value)])
    }

    /// BM1362 to BM1370 at 6.25 M: PLL1 at 700 MHz, its divider 7, then 2 × (7 + 1). bm13xx-rs, for the BM1366.
    static let fromPLL1 = BaudStep(
        host: BaudRate(6_250_000), chips: BaudRate(6_250_000),
        writes: [RegisterWrite(.pll1, 0xC070_0111), RegisterWrite(.fastUART, 0x1560_0700)])

    /// The link after reset: chips at 115,740, hosts at 115,200.
    public static let reset = BaudStep(host: BaudRate(115_200), chips: .divided(by: 26), writes: [])
}

extension BaudRate {
    /// 25 MHz ÷ (8 × (divider + 1)), every model's link on its reference clock.
    static func divided(by divider: UInt32) -> BaudRate { BaudRate(25_000_000 / (8 * (divider + 1))) }
}
