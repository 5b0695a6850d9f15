import Boards
import Foundation
import Peripherals
import TestSupport
import Testing
import Units

private struct Vectors: Decodable {
    struct Entry: Decodable {
        struct Release: Decodable {
            let bcd: String
            let hardware: Int
            let minor: Int
            let patch: Int
        }
        let description: String
        let request: String?
        let response_v0: String?
        let response_v1: String?
        let response_total_length_variant: String?
        let values: [Release]?

        /// Answers with the format they are in.
        var responses: [(ControlFormat, [UInt8])] {
            [
                (.payloadLength, response_v0), (.status, response_v1),
                (.totalLength, response_total_length_variant),
            ].compactMap { format, text in text.map { (format, hex($0)) } }
        }
    }
    let entries: [Entry]
}

private let start = Instant(nanoseconds: 0)

/// What a request asks for, from its bytes: by the typed constructors where there is one, so that these are tested.
private func request(_ bytes: [UInt8], payload: Int) throws -> ControlRequest {
    let data = Array(bytes[6...])
    func address() throws -> I2CAddress { try #require(data.first.flatMap { I2CAddress(Int($0)) }) }
    switch (bytes[4], bytes[5]) {
    case (0x05, 0x10):
        return .busClock(Hertz(hertz: data.reversed().reduce(0) { $0 << 8 | UInt64($1) }))
    case (0x05, 0x20): return .transfer(I2CTransfer(.write(Array(data[1...])), at: try address()))
    case (0x05, 0x30): return .transfer(I2CTransfer(.read(count: Int(data[1])), at: try address()))
    case (0x05, 0x40):
        let sent = Array(data[1..<data.count - 1])
        return .transfer(I2CTransfer(.writeRead(sent, count: Int(data[data.count - 1])), at: try address()))
    case (0x06, let pin):
        return data.isEmpty ? .readPin(pin) : .setPin(pin, high: data[0] != 0)
    case (let page, let command):
        return ControlRequest(page: page, command: command, data: data, answer: .bytes(count: payload))
    }
}

/// A port about to use `id`, reached by asking and answering.
private func port(_ format: ControlFormat, nextID id: UInt8) -> ControlPort {
    var port = ControlPort(format)
    for used in 0..<id {
        _ = port.handle(.ask(.readPin(0), patience: .seconds(1)), at: start)
        let answer: [UInt8] =
            switch format {
            case .payloadLength: [1, 0, used, 0]
            case .status: [5, 0, used, 0, 0]
            case .totalLength: [4, 0, used, 0]
            }
        _ = port.handle(.received(answer), at: start)
    }
    return port
}

/// The refusal in a vector of an error, from the tables of boards.md §2.2.
private func refusal(_ answer: [UInt8]) -> ControlRefusal? {
    switch answer[3] {
    case 0x10: .timeout
    case 0x11: .invalid
    case 0x12: .overflowOrDenied
    case 0x13: .fault
    case 0xFF: .text(String(decoding: answer[4...], as: UTF8.self))
    default: nil
    }
}

@Test(.enabled(if: Shared.isPresent))
func `the control port speaks as every shared vector does, in every format`() throws {
    let entries = try Shared.json(Vectors.self, "hardware/vectors/bitaxe_raw.json").entries
    var (requests, answers, errors) = (0, 0, 0)
    for entry in entries {
        guard let bytes = entry.request.map(hex) else { continue }
        requests += 1
        for (format, answer) in entry.responses {
            let header = format == .status ? 4 : 3
            let isError =
                entry.description.contains("error") || entry.description.contains("fault")
                || entry.description.contains("invalid")
            let ask = try request(bytes, payload: isError ? 1 : answer.count - header)
            var port = port(format, nextID: bytes[2])
            #expect(
                port.handle(.ask(ask, patience: .seconds(1)), at: start) == [.send(bytes)],
                "\(entry.description)")
            let expected: ControlPort.Action =
                isError
                ? .failed(.refused(try #require(refusal(answer)))) : .answered(Array(answer[header...]))
            #expect(
                port.handle(.received(answer), at: start) == [expected], "\(entry.description), \(format)")
            if isError { errors += 1 } else { answers += 1 }
        }
        if entry.responses.isEmpty {
            var port = port(.payloadLength, nextID: bytes[2])
            let ask = try request(bytes, payload: 0)
            #expect(
                port.handle(.ask(ask, patience: .seconds(1)), at: start) == [.send(bytes)],
                "\(entry.description)")
        }
    }
    #expect(requests >= 25 && answers >= 45 && errors >= 6)
}

@Test(.enabled(if: Shared.isPresent))
func `bcdDevice is taken apart as the shared vectors say`() throws {
    let entries = try Shared.json(Vectors.self, "hardware/vectors/bitaxe_raw.json").entries
    let releases = entries.compactMap(\.values).flatMap { $0 }
    #expect(releases.count >= 3)
    for release in releases {
        let decoded = DeviceRelease(bcdDevice: try #require(UInt16(release.bcd, radix: 16)))
        #expect(decoded.hardware == release.hardware)
        #expect(decoded.minor == release.minor)
        #expect(decoded.patch == release.patch)
    }
}
