import ASICWire

/// A frame in words, for transcripts.
enum FrameText {
    /// Bytes as `55 AA 52 05`; the middle of what is longer than a register frame is left out, and said so.
    static func hex(_ bytes: some Collection<UInt8>, limit: Int = 16) -> String {
        let digits = bytes.map { (byte: UInt8) -> String in
            let text = String(byte, radix: 16, uppercase: true)
            return byte < 16 ? "0" + text : text
        }
        guard digits.count > limit else { return digits.joined(separator: " ") }
        return digits.prefix(limit - 4).joined(separator: " ") + " (\(digits.count - limit + 2) more) "
            + digits.suffix(2).joined(separator: " ")
    }

    static func text(_ command: ChipCommand, _ model: EmulatedModel) -> String {
        switch command {
        case .setAddress(let address): return "set address \(byte(address))"
        case .chainInactive: return "chain inactive"
        case .read(let register, let recipient):
            return "read \(name(register, model)) of \(text(recipient))"
        case .write(let register, let value, let recipient):
            return "write \(name(register, model)) = \(word(value)) to \(text(recipient))"
        case .job(let job):
            return
                "job \(byte(job.jobByte)): version \(word(job.version)), time \(job.time), bits \(word(job.bits))"
        case .midstateJob(let job):
            let count = job.midstates.count == 1 ? "1 midstate" : "\(job.midstates.count) midstates"
            return "job \(byte(job.jobByte)): \(count), time \(job.time), bits \(word(job.bits))"
        }
    }

    static func text(_ response: ChipResponse, _ model: EmulatedModel) -> String {
        switch response {
        case .register(let reply):
            // A BM1387 says neither which chip nor which register.
            guard model.dialect == .preambled else { return "register value \(word(reply.value))" }
            if reply.register == model.registers.chipID {
                let address =
                    reply.chipAddress == 0 ? "no address yet, or 00" : "address \(byte(reply.chipAddress))"
                return "\(chipName(reply.value)), \(address)"
            }
            return "\(name(reply.register, model)) of chip \(byte(reply.chipAddress)) = \(word(reply.value))"
        case .nonce(let reply):
            let core = "core \(model.layout.core(of: reply.nonce))"
            let version = model.rollsVersions ? ", version counter \(hex16(reply.versionCounter))" : ""
            return "nonce \(word(reply.nonce)): job \(byte(reply.jobByte)), \(core)\(version)"
        }
    }

    private static func chipName(_ identity: UInt32) -> String {
        let digits = String(identity >> 16, radix: 16, uppercase: true)
        return digits.hasPrefix("13") ? "BM\(digits)" : "chip identity \(word(identity))"
    }

    private static func text(_ recipient: Recipient) -> String {
        switch recipient {
        case .everyChip: "every chip"
        case .chip(let address): "chip \(byte(address))"
        }
    }

    /// Names of bm13xx.md §6 and §17.
    private static func name(_ register: UInt8, _ model: EmulatedModel) -> String {
        let map = model.registers
        switch register {
        case map.chipID: return "CHIP_ID"
        case map.pll0: return "PLL0_PARAMETER"
        case map.hashCountingNumber: return "HASH_COUNTING_NUMBER"
        case map.ticketMask: return "TICKET_MASK"
        case map.miscControl: return "MISC_CONTROL"
        case _:
            let known = model.dialect == .preambled ? names[register] : nil
            return known.map { $0 } ?? "register \(byte(register))"
        }
    }

    private static let names: [UInt8: String] = [
        0x0C: "CHIP_NONCE_OFFSET", 0x1C: "I2C_CONTROL", 0x20: "ORDERED_CLOCK_ENABLE", 0x28: "FAST_UART",
        0x2C: "UART_RELAY", 0x3C: "CORE_REGISTER_CONTROL", 0x40: "CORE_REGISTER_VALUE",
        0x44: "EXTERNAL_TEMP_READ", 0x48: "ERROR_FLAG", 0x4C: "NONCE_ERROR_COUNTER",
        0x50: "NONCE_OVERFLOW_COUNTER", 0x54: "ANALOG_MUX", 0x58: "IO_DRIVER_STRENGTH", 0x5C: "TIME_OUT",
        0x60: "PLL1_PARAMETER", 0x64: "PLL2_PARAMETER", 0x68: "PLL3_PARAMETER", 0x70: "PLL0_DIVIDER",
        0x80: "CLOCK_ORDER_CONTROL0", 0x84: "CLOCK_ORDER_CONTROL1", 0x88: "HASH_DOMAIN_0",
        0x89: "HASH_DOMAIN_1", 0x8A: "HASH_DOMAIN_2", 0x8B: "HASH_DOMAIN_3", 0x8C: "HASH_TOTAL",
        0xA4: "VERSION_ROLLING", 0xA8: "SOFT_RESET_CONTROL", 0xB0: "TEMP_SENSOR_CTRL",
        0xB4: "TEMP_SENSOR_RESULT", 0xB8: "ADC_CONFIG", 0xBD: "ADC_RESULT", 0xC4: "AUTO_WORK_CONFIG",
    ]

    private static func byte(_ value: UInt8) -> String { padded(UInt32(value), 2) }
    private static func hex16(_ value: UInt16) -> String { padded(UInt32(value), 4) }
    private static func word(_ value: UInt32) -> String { padded(value, 8) }

    private static func padded(_ value: UInt32, _ width: Int) -> String {
        let digits = String(value, radix: 16, uppercase: true)
        return String(repeating: "0", count: width - digits.count) + digits
    }
}
