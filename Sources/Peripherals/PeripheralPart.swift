/// A kind of part that a board may have on its I²C bus, and that there is a driver for.
public enum PeripheralPart: String, Hashable, Sendable, CaseIterable {
    case tps546, ds4432u, ina260, emc2101, emc2103, emc2302, tmp1075, tmp451

    /// Registers that name the part, with the values of which each must have one. Empty where it has none.
    ///
    /// Source: boards.md §4 to §6; for EMC2103, EMC2302 and INA260 the ids that Linux's own drivers and the parts' data
    /// sheets give (the last four bits of the INA260's are its revision, and 0 so far).
    var identity: [(register: UInt8, allowed: [[UInt8]])] {
        switch self {
        case .tps546: [(0xAD, TPS546.knownIdentities.map(\.bytes))]
        case .ds4432u: []
        case .ina260: [(0xFE, [[0x54, 0x49]]), (0xFF, [[0x22, 0x70]])]
        case .emc2101: [(0xFD, [[0x16], [0x28]]), (0xFE, [[0x5D]])]
        case .emc2103: [(0xFD, [[0x24], [0x26]]), (0xFE, [[0x5D]])]
        case .emc2302: [(0xFD, [[0x36]]), (0xFE, [[0x5D]])]
        case .tmp1075: [(0x0F, [[0x75, 0x00]])]
        case .tmp451: [(0xFE, [[0x55]])]
        }
    }
}

/// One part on one bus.
public struct PeripheralPlace: Hashable, Sendable {
    public let part: PeripheralPart
    public let address: I2CAddress

    public init(_ part: PeripheralPart, at address: I2CAddress) {
        self.part = part
        self.address = address
    }

    /// Asks the part who it is: nothing on a dead bus passes this, and nobody else's registers are written.
    public var identification: [PeripheralStep] {
        part.identity.map {
            .read(self, [RegisterSpan($0.register, count: $0.allowed[0].count)], .oneOf($0.allowed))
        }
    }

    func write(_ register: UInt8, _ bytes: [UInt8]) -> PeripheralStep {
        .write(self, register: register, bytes, readsBack: true)
    }

    func read(_ registers: [UInt8], _ meaning: RegisterMeaning) -> PeripheralStep {
        .read(self, registers.map { RegisterSpan($0, count: 1) }, meaning)
    }
}
