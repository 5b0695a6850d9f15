@testable import ASICWire
import Foundation
import TestSupport
import Testing

/// Frames and checks against everything recorded of them. Facts: `hardware/vectors`.
@Suite(.enabled(if: Shared.isPresent, "the folder of recorded facts is missing"))
struct ASICWireVectors {
    // MARK: crc.json

    struct CRCFile: Decodable {
        struct Command: Decodable { var bytes: String, bits: Int, crc5: UInt8 }
        struct Response: Decodable {
            var bytes_after_preamble: String, residue_over_all_bits: UInt8, crc5: UInt8, type_bits: UInt8
        }
        struct Negative: Decodable { var frame: String, correct_crc5: UInt8 }
        struct Wide: Decodable { var bytes: String, crc16: String }
        var crc5_command_cases: [Command]
        var crc5_response_cases: [Response]
        var negative_frames: [Negative]
        var crc16_cases: [Wide]
    }

    private static func crcFile() throws -> CRCFile {
        try Shared.json(CRCFile.self, "hardware/vectors/crc.json")
    }

    @Test func `no item of these files is left out`() throws {
        let crc = try Self.crcFile()
        let cases = crc.crc5_command_cases.count + crc.crc5_response_cases.count + crc.negative_frames.count
        #expect(try cases + crc.crc16_cases.count == VectorIndex.items("crc.json"))
        let commands = try Shared.json(CommandFile.self, "hardware/vectors/commands.json").frames
        #expect(try commands.count == VectorIndex.items("commands.json"))
        let responses = try Shared.json(ResponseFile.self, "hardware/vectors/responses.json").responses
        #expect(try responses.count == VectorIndex.items("responses.json"))
        let jobs = try Shared.json(JobFile.self, "hardware/vectors/jobs.json").jobs
        #expect(try jobs.count == VectorIndex.items("jobs.json"))
        let streams = try Shared.json(StreamFile.self, "hardware/vectors/stream_parsing.json").cases
        #expect(try streams.count == VectorIndex.items("stream_parsing.json"))
    }

    @Test func `CRC-5 of every command case`() throws {
        let cases = try Self.crcFile().crc5_command_cases
        #expect(cases.count >= 16)
        for one in cases { #expect(crc5(hex(one.bytes).prefix(one.bits / 8)) == one.crc5, "\(one.bytes)") }
    }

    @Test func `CRC-5 of every response case, type bits included`() throws {
        let cases = try Self.crcFile().crc5_response_cases
        #expect(cases.count >= 12)
        for one in cases {
            let body = hex(one.bytes_after_preamble)
            let last = try #require(body.last)
            #expect(crc5(body) == one.residue_over_all_bits, "\(one.bytes_after_preamble)")
            #expect(
                crc5(body.span.extracting(droppingLast: 1), typeBits: last & 0xE0) == one.crc5,
                "\(one.bytes_after_preamble)")
            #expect(last >> 5 == one.type_bits)
        }
    }

    @Test func `every frame with a wrong check is refused, and the right check is the one given`() throws {
        let cases = try Self.crcFile().negative_frames
        #expect(cases.count >= 6)
        for one in cases {
            let frame = hex(one.frame)
            let (body, last) = (frame[2..<(frame.count - 1)], frame[frame.count - 1])
            if frame[0] == 0x55 {
                #expect(decodeCommand(frame[...]) == .skip(1), "\(one.frame)")
                #expect(crc5(body) == one.correct_crc5, "\(one.frame)")
            } else {
                #expect(
                    decodeResponse(frame[...], frame.count == 9 ? .short : .long) == .skip(1), "\(one.frame)")
                #expect(crc5(Array(body).span, typeBits: last & 0xE0) == one.correct_crc5, "\(one.frame)")
            }
        }
    }

    @Test func `CRC-16 of every case`() throws {
        let cases = try Self.crcFile().crc16_cases
        #expect(cases.count >= 6)
        for one in cases { #expect(crc16(hex(one.bytes)) == UInt16(one.crc16, radix: 16), "\(one.bytes)") }
    }

    // MARK: commands.json

    struct CommandFile: Decodable {
        struct Frame: Decodable {
            struct Fields: Decodable {
                var kind: String, broadcast: Bool?, address: UInt8?, register: UInt8?, value: UInt32?
            }
            var frame: String
            var decoded: Fields
        }
        var frames: [Frame]
    }

    @Test func `every recorded command decodes to its fields and encodes back`() throws {
        let frames = try Shared.json(CommandFile.self, "hardware/vectors/commands.json").frames
        #expect(frames.count >= 152)
        for one in frames {
            let (bytes, fields) = (hex(one.frame), one.decoded)
            let all = bytes[2] & 0x10 != 0
            let recipient: Recipient = all ? .everyChip : .chip(try #require(fields.address))
            let expected: ChipCommand
            switch fields.kind {
            case "chain_inactive": expected = .chainInactive
            case "set_chip_address": expected = .setAddress(try #require(fields.address))
            case "read_register": expected = .read(register: try #require(fields.register), from: recipient)
            case "write_register":
                expected = .write(
                    register: try #require(fields.register), value: try #require(fields.value), to: recipient)
            case let other:
                Issue.record("a kind nobody knows: \(other)")
                continue
            }
            #expect(decodeCommand(bytes[...]) == .frame(expected, length: bytes.count), "\(one.frame)")
            #expect(expected.wireBytes() == bytes)
        }
    }

    // MARK: responses.json

    struct ResponseFile: Decodable {
        struct Response: Decodable {
            struct Fields: Decodable {
                var kind: String, value: UInt32?, chip_address: UInt8?, register: UInt8?
                var nonce_u32_le: UInt32?, byte6: UInt8?, id_byte: UInt8?, version_counter: UInt16?
            }
            var frame: String
            var chip: String
            var decoded: Fields
        }
        var responses: [Response]
    }

    @Test func `every recorded response decodes to its fields and encodes back`() throws {
        let responses = try Shared.json(ResponseFile.self, "hardware/vectors/responses.json").responses
        #expect(responses.count >= 35)
        for one in responses {
            let (bytes, fields) = (hex(one.frame), one.decoded)
            let format: ResponseFormat = bytes.count == 9 ? .short : .long
            let expected: ChipResponse
            switch fields.kind {
            case "register":
                expected = .register(
                    RegisterValue(
                        value: try #require(fields.value), chipAddress: try #require(fields.chip_address),
                        register: try #require(fields.register)))
            case "nonce":
                expected = .nonce(
                    NonceResponse(
                        nonce: try #require(fields.nonce_u32_le), excess: try #require(fields.byte6),
                        jobByte: try #require(fields.id_byte), versionCounter: fields.version_counter ?? 0))
            case let other:
                Issue.record("a kind nobody knows: \(other)")
                continue
            }
            #expect(
                decodeResponse(bytes[...], format) == .frame(expected, length: bytes.count), "\(one.frame)")
            #expect(expected.wireBytes(format) == bytes)
        }
    }

    // MARK: jobs.json

    struct JobFile: Decodable {
        struct Job: Decodable {
            var frame: String
            var decoded: JobFields
        }
        var jobs: [Job]
    }

    @Test func `every recorded job decodes to its fields and encodes back`() throws {
        let jobs = try Shared.json(JobFile.self, "hardware/vectors/jobs.json").jobs
        for one in jobs {
            let (bytes, fields) = (hex(one.frame), one.decoded)
            let expected = try fields.command()
            let form: JobForm = fields.kind == "job_full" ? .fullHeader : .midstates
            #expect(
                decodeCommand(bytes[...], jobs: form) == .frame(expected, length: bytes.count), "\(one.frame)"
            )
            let encoded = expected.wireBytes()
            // Factory firmware writes another length byte, which the check covers; the rest is the same.
            #expect(encoded.dropLast(2).dropFirst(4) == bytes.dropLast(2).dropFirst(4))
            if form == .midstates || fields.length_byte == 0x56 { #expect(encoded == bytes) }
        }
        #expect(Set(jobs.map(\.decoded.kind)) == ["job_full", "job_midstate"])
    }

    // MARK: stream_parsing.json

    struct StreamFile: Decodable {
        struct Case: Decodable {
            var name: String, frame_length: Int, input: String?, chunks: [String]?, frames: [String],
                left_over: String?
        }
        var cases: [Case]
    }

    @Test func `every stream gives its frames, in order, and keeps what it should`() throws {
        let cases = try Shared.json(StreamFile.self, "hardware/vectors/stream_parsing.json").cases
        #expect(cases.count >= 11)
        for one in cases {
            let format: ResponseFormat = one.frame_length == 9 ? .short : .long
            #expect(format.length == one.frame_length)
            var (stream, found) = ([UInt8](), [[UInt8]]())
            for chunk in try one.chunks ?? [#require(one.input)] {
                stream += hex(chunk)
                loop: while true {
                    switch decodeResponse(stream[...], format) {
                    case .frame(_, let length):
                        found.append(Array(stream[..<length]))
                        stream.removeFirst(length)
                    case .skip(let count): stream.removeFirst(count)
                    case .needMore: break loop
                    }
                }
            }
            #expect(found == one.frames.map(hex), "\(one.name)")
            if let rest = one.left_over { #expect(stream == hex(rest), "\(one.name)") }
        }
    }
}
