import ASICChips
import ASICWire
import Foundation
import TestSupport
import Testing

/// Frames of the BM1387, and of the BM1391, which has no model here but the later chips' wire. Its frames are recorded
/// without preamble. Facts: `hardware/vectors/bm1387_bm1391.json`.
@Suite(.enabled(if: Shared.isPresent, "the folder of recorded facts is missing"))
struct ASICWireBareVectors {
    struct File: Decodable {
        struct Vector: Decodable {
            var kind: String, chip: String, bytes: String, meaning: String?
            var header: UInt8?, data: String?, address: UInt8?, register: UInt8?, value: String?
            var decoded: JobFields?
            var is_nonce: Bool?, b4: UInt8?, b5: UInt8?, nonce_hex: String?, byte4: UInt8?, work_id: UInt8?
            var bm1387_chip_index: Int?, bm1387_core: Int?
        }
        var vectors: [Vector]
    }

    private static func vectors() throws -> [File.Vector] {
        try Shared.json(File.self, "hardware/vectors/bm1387_bm1391.json").vectors
    }

    @Test func `every frame decodes to its fields and encodes back, none left out`() throws {
        var kinds = [String: Int]()
        for one in try Self.vectors() {
            switch one.kind {
            case "command": try command(one)
            case "job": try job(one)
            case "response": try response(one)
            case let other: Issue.record("a kind nobody knows: \(other)")
            }
            kinds[one.kind, default: 0] += 1
        }
        #expect(kinds.values.reduce(0, +) == (try VectorIndex.items("bm1387_bm1391.json")))
        #expect(kinds == ["command": 36, "job": 7, "response": 34])
    }

    /// Bytes and dialect as they are on the wire.
    private func wire(_ one: File.Vector, _ preamble: String) throws -> ([UInt8], WireDialect) {
        switch one.chip {
        case "BM1387": return (hex(one.bytes), .bare)
        case "BM1391": return (hex(preamble + one.bytes), .preambled)
        default: throw UnknownChip()
        }
    }

    private struct UnknownChip: Error {}

    private func command(_ one: File.Vector) throws {
        let (bytes, dialect) = try wire(one, "55AA")
        let expected = try dialect == .bare ? bareCommand(one) : laterCommand(one)
        #expect(decodeCommand(bytes[...], dialect) == .frame(expected, length: bytes.count), "\(one.bytes)")
        #expect(expected.wireBytes(dialect) == bytes)
    }

    /// What the vector's meaning says, in words.
    private func bareCommand(_ one: File.Vector) throws -> ChipCommand {
        let meaning = try #require(one.meaning)
        if let register = one.register, let value = one.value.flatMap({ UInt32($0, radix: 16) }) {
            return .write(register: register, value: value, to: one.address.map { .chip($0) } ?? .everyChip)
        }
        if meaning == "chain inactive" { return .chainInactive }
        if meaning == "read register 0, all" { return .read(register: 0, from: .everyChip) }
        let address = try #require(meaning.split(separator: " ").last)
        #expect(meaning.hasPrefix("set address"))
        return .setAddress(try #require(UInt8(address, radix: 16)))
    }

    /// Header and data, by the table of bm13xx.md §3.1.
    private func laterCommand(_ one: File.Vector) throws -> ChipCommand {
        let (header, data) = (try #require(one.header), hex(try #require(one.data)))
        let recipient: Recipient = header & 0x10 != 0 ? .everyChip : .chip(data[0])
        switch header {
        case 0x40: return .setAddress(data[0])
        case 0x42, 0x52: return .read(register: data[1], from: recipient)
        case 0x41, 0x51:
            return .write(
                register: data[1], value: data[2...].reduce(0) { $0 << 8 | UInt32($1) }, to: recipient)
        case 0x53: return .chainInactive
        default: throw UnknownChip()
        }
    }

    private func job(_ one: File.Vector) throws {
        let (bytes, dialect) = try wire(one, "55AA")
        let expected = try #require(one.decoded).command()
        #expect(
            decodeCommand(bytes[...], dialect, jobs: .midstates) == .frame(expected, length: bytes.count),
            "\(one.bytes)")
        #expect(expected.wireBytes(dialect) == bytes)
    }

    private func response(_ one: File.Vector) throws {
        let (bytes, dialect) = try wire(one, "AA55")
        let format: ResponseFormat = dialect == .bare ? .bare : .short
        let expected: ChipResponse
        if try #require(one.is_nonce as Bool?) {
            let reply = NonceResponse(
                nonce: try #require(one.nonce_hex.flatMap { UInt32($0, radix: 16) }),
                excess: try #require(one.byte4), jobByte: try #require(one.work_id), versionCounter: 0)
            expected = .nonce(reply)
            if dialect == .bare {
                // An S9's chips are four addresses apart; 64 of them would fill the six bits.
                let layout = try #require(ChainLayout(chips: 64, rule: .stride(4)))
                let found = ChipsUnderTest.bm1387.decode(reply, on: layout)
                #expect(found.chip == .chip(try #require(one.bm1387_chip_index)))
                #expect(found.core == one.bm1387_core)
                #expect(found.jobByte + UInt8(found.midstate ?? 255) == one.work_id)
            }
        } else {
            let value = try #require(one.value.flatMap { UInt32($0, radix: 16) })
            expected = .register(
                RegisterValue(
                    value: value, chipAddress: try #require(one.b4), register: try #require(one.b5)))
        }
        #expect(decodeResponse(bytes[...], format) == .frame(expected, length: bytes.count), "\(one.bytes)")
        #expect(expected.wireBytes(format) == bytes)
    }
}
