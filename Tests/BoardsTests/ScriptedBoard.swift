import Boards
import Units

/// The other end of both ports, from the facts (boards.md §2 and §4.2; bm13xx.md §3.3) and nothing of ours: GPIO pins, a
/// TPS546 register file, and one chip that answers for its id. It can be made to fail in several ways.
struct ScriptedBoard {
    var format = ControlFormat.payloadLength
    var pins: [UInt8: UInt8] = [0: 1]
    var hasRegulator = true
    /// Refuses so many bus transfers to come.
    var refusals = 0
    /// Pins that keep their level whatever they are told.
    var stuckPins: Set<UInt8> = []
    /// The part keeps its output on whatever it is told.
    var isStuckOn = false
    /// STATUS_WORD bits beside OFF.
    var faultBits: UInt16 = 0
    var identity: [UInt8] = [6, 0x54, 0x49, 0x54, 0x6D, 0x24, 0x41]
    var chipsAnswer = true
    /// All requests in their order.
    private(set) var heard: [[UInt8]] = []
    private var registers: [UInt8: [UInt8]] = [0x01: [0x00], 0x02: [0x16], 0x20: [0x17]]

    /// The regulator makes core voltage.
    var isOn: Bool {
        isStuckOn || (registers[0x01] == [0x80] && registers[0x02].map { $0[0] & 0x08 != 0 } ?? false)
    }
    var inReset: Bool { pins[0] == 0 }

    mutating func switchOn() {
        registers[0x01] = [0x80]
        registers[0x02] = [0x1B]
        pins = pins.mapValues { _ in 1 }
    }

    /// - Returns: the answer packet.
    mutating func control(_ request: [UInt8]) -> [UInt8] {
        heard.append(request)
        guard request.count >= 6, Int(request[0]) | Int(request[1]) << 8 == request.count, request[3] == 0
        else {
            return [4, 0, 0xFF, 0x11]
        }
        let (id, data) = (request[2], Array(request[6...]))
        switch (request[4], request[5]) {
        case (0x05, 0x10): return success(id, data)
        case (0x05, 0x20): return bus(id) { $0.write(Array(data[1...])) ? [UInt8(data.count - 1)] : nil }
        case (0x05, 0x40):
            return bus(id) {
                $0.write(Array(data[1..<data.count - 1])) ? $0.read(Int(data[data.count - 1])) : nil
            }
        case (0x06, let pin):
            guard let level = pins[pin] else { return [4, 0, format == .payloadLength ? 0xFF : id, 0x11] }
            if let wanted = data.first, !stuckPins.contains(pin) { pins[pin] = wanted == 0 ? 0 : 1 }
            return success(id, data.isEmpty ? [pins[pin] ?? level] : [data[0]])
        case (_, _): return [4, 0, format == .payloadLength ? 0xFF : id, 0x11]
        }
    }

    /// - Returns: what the chip answers to one frame: its id, and its clock as it was last set.
    mutating func data(_ frame: [UInt8]) -> [UInt8] {
        guard isOn || !hasRegulator, !inReset, pins[1] != 0 else {
            clock = []
            return []
        }
        guard chipsAnswer else { return [] }
        if frame.count == 11, frame[2] == 0x51, frame[5] == 0x08 { clock = Array(frame[6..<10]) }
        switch frame {
        case [0x55, 0xAA, 0x52, 0x05, 0x00, 0x00, 0x0A]:
            return [0xAA, 0x55, 0x13, 0x70, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x10]
        case [0x55, 0xAA, 0x42, 0x05, 0x00, 0x08, 0x03] where !clock.isEmpty:
            let body = [clock[0] | 0x80] + clock[1...] + [0x00, 0x08, 0x00, 0x00]
            return [0xAA, 0x55] + body + [check(body)]
        default: return []
        }
    }

    /// As last written; lost with power and in reset.
    private var clock: [UInt8] = []

    /// CRC-5 over a register reply's body and the three zero bits of its type (bm13xx.md §3.3).
    private func check(_ body: [UInt8]) -> UInt8 {
        var crc: UInt8 = 0x1F
        for bit in 0..<(8 * body.count + 3) {
            let input = bit < 8 * body.count ? body[bit / 8] >> UInt8(7 - bit % 8) & 1 : 0
            let top = crc >> 4 & 1
            crc = crc << 1 & 0x1F ^ (top ^ input == 1 ? 0x05 : 0)
        }
        return crc
    }

    private var selected: UInt8 = 0

    private mutating func write(_ bytes: [UInt8]) -> Bool {
        selected = bytes[0]
        if bytes.count > 1 { registers[selected] = Array(bytes[1...]) }
        return true
    }

    private func read(_ count: Int) -> [UInt8] {
        let value: [UInt8]
        switch selected {
        case 0xAD: value = identity
        case 0x79:
            let word = faultBits | (isOn ? 0 : 0x0840)
            value = [UInt8(word & 0xFF), UInt8(word >> 8)]
        case 0x8B: value = isOn ? registers[0x21] ?? [0, 0] : [0, 0]
        case let register: value = registers[register] ?? [0]
        }
        return Array((value + [UInt8](repeating: 0xFF, count: count)).prefix(count))
    }

    private mutating func bus(_ id: UInt8, _ access: (inout Self) -> [UInt8]?) -> [UInt8] {
        guard hasRegulator, refusals == 0, let answer = access(&self) else {
            refusals = max(0, refusals - 1)
            let text = Array("I2C Write Error".utf8)
            return [UInt8(4 + text.count), 0, id, 0xFF] + text
        }
        return success(id, answer)
    }

    private func success(_ id: UInt8, _ payload: [UInt8]) -> [UInt8] {
        switch format {
        case .payloadLength: [UInt8(payload.count), 0, id] + payload
        case .status: [UInt8(payload.count + 4), 0, id, 0] + payload
        case .totalLength: [UInt8(payload.count + 3), 0, id] + payload
        }
    }
}
