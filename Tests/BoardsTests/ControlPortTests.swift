import Peripherals
import TestSupport
import Testing
import Units

@testable import Boards

/// Requests and their answers, from bitaxe-raw's documentation and sources (boards.md §2.2, §2.3).
private let readTwoBytes = ControlRequest.transfer(I2CTransfer(.writeRead([0xFE], count: 2), at: at(0x32)))
private let setClock = ControlRequest.busClock(Hertz(hertz: 400_000))
private let resetHigh = ControlRequest.setPin(0, high: true)

private func at(_ address: Int) -> I2CAddress {
    guard let address = I2CAddress(address) else { preconditionFailure("a literal of seven bits") }
    return address
}

private let start = Instant(nanoseconds: 0)

/// A port that has asked `request` under `id`; earlier ids are used up by answered requests.
private func asking(_ request: ControlRequest, id: UInt8 = 0, _ format: ControlFormat = .payloadLength)
    -> ControlPort
{
    var port = ControlPort(format)
    for _ in 0..<id {
        let sent = port.handle(.ask(.readPin(0), patience: .seconds(1)), at: start)
        guard case .send(let bytes)? = sent.first else { preconditionFailure("a question is sent") }
        let answer: [UInt8] =
            switch format {
            case .payloadLength: [1, 0, bytes[2], 1]
            case .status: [5, 0, bytes[2], 0, 1]
            case .totalLength: [4, 0, bytes[2], 1]
            }
        #expect(port.handle(.received(answer), at: start) == [.answered([1])])
    }
    let sent = port.handle(.ask(request, patience: .seconds(1)), at: start)
    #expect(sent == [.send(request.wireBytes(id: id))])
    return port
}

@Test(arguments: [
    (setClock, 1, "0A 00 01 00 05 10 80 1A 06 00"), (readTwoBytes, 1, "09 00 01 00 05 40 32 FE 02"),
    (resetHigh, 3, "07 00 03 00 06 00 01"), (.readPin(0), 4, "06 00 04 00 06 00"),
    (.transfer(I2CTransfer(.write([0xDE]), at: at(0x4F))), 1, "08 00 01 00 05 20 4F DE"),
    (.transfer(I2CTransfer(.read(count: 1), at: at(0x4C))), 1, "08 00 01 00 05 30 4C 01"),
])
func `requests are the bytes that the firmware reads`(request: ControlRequest, id: UInt8, bytes: String) {
    #expect(request.wireBytes(id: id) == hex(bytes))
}

@Test(arguments: [
    (ControlFormat.payloadLength, "02 00 01 12 34"), (.status, "06 00 01 00 12 34"),
    (.totalLength, "05 00 01 12 34"),
])
func `an answer is read in its format, however it is cut`(format: ControlFormat, answer: String) {
    let bytes = hex(answer)
    for cut in 1..<bytes.count {
        var port = asking(readTwoBytes, id: 1, format)
        #expect(port.handle(.received(Array(bytes[..<cut])), at: start) == [])
        #expect(port.handle(.received(Array(bytes[cut...])), at: start) == [.answered([0x12, 0x34])])
        #expect(!port.isWaiting && port.wakeAt == nil)
    }
}

@Test(arguments: [
    (ControlFormat.payloadLength, "04 00 FF 11", ControlRefusal.invalid),
    (.payloadLength, "04 00 00 10", .timeout),
    (.payloadLength, "12 00 00 FF 49 32 43 20 52 65 61 64 20 45 72 72 6F 72", .text("I2C Read Error")),
    (.status, "04 00 00 11", .invalid), (.status, "07 00 00 FF 62 61 64", .text("bad")),
    (.status, "04 00 00 12", .overflowOrDenied), (.totalLength, "04 00 00 13", .fault),
])
func `a refusal is told from an answer`(format: ControlFormat, answer: String, refusal: ControlRefusal) {
    var port = asking(readTwoBytes, format)
    #expect(port.handle(.received(hex(answer)), at: start) == [.failed(.refused(refusal))])
}

@Test func `a V0 error as long as the expected payload is an error once the line stays quiet`() throws {
    var port = asking(setClock)
    #expect(port.handle(.received(hex("04 00 00 11")), at: start) == [])
    let quiet = try #require(port.wakeAt)
    #expect(quiet < start + .milliseconds(100))
    #expect(port.handle(.woke, at: start + .milliseconds(1)) == [])
    #expect(port.handle(.woke, at: quiet) == [.failed(.refused(.invalid))])
}

@Test func `the same bytes are the beginning of a success when more follows`() {
    let echo = ControlRequest(page: 5, command: 0x10, answer: .bytes(count: 4))
    var port = asking(echo)
    #expect(port.handle(.received(hex("04 00 00 11")), at: start) == [])
    #expect(port.handle(.received(hex("1A 06 00")), at: start) == [.answered([0x11, 0x1A, 0x06, 0x00])])
}

@Test func `silence ends after the patience, and the late answer is not mistaken for the next one`() {
    var port = asking(readTwoBytes)
    let late = start + .seconds(1)
    #expect(port.wakeAt == late)
    #expect(port.handle(.woke, at: late) == [.failed(.silent(for: .seconds(1)))])
    #expect(
        port.handle(.ask(readTwoBytes, patience: .seconds(1)), at: late) == [
            .send(readTwoBytes.wireBytes(id: 1))
        ])
    #expect(port.handle(.received(hex("02 00 00 AA AA")), at: late) == [])
    #expect(port.handle(.received(hex("02 00 01 12 34")), at: late) == [.answered([0x12, 0x34])])
}

@Test func `a late answer and the next one in one packet are told apart`() {
    var port = asking(resetHigh)
    let late = start + .seconds(1)
    _ = port.handle(.woke, at: late)
    _ = port.handle(.ask(readTwoBytes, patience: .seconds(1)), at: late)
    #expect(port.handle(.received(hex("01 00 00 01 02 00 01 12 34")), at: late) == [.answered([0x12, 0x34])])
}

@Test func `a late answer whose payload looks like the next one is passed over whole`() {
    let readFour = ControlRequest.transfer(I2CTransfer(.read(count: 4), at: at(0x24)))
    var port = asking(readFour)
    let late = start + .seconds(1)
    _ = port.handle(.woke, at: late)
    _ = port.handle(.ask(resetHigh, patience: .seconds(1)), at: late)
    // The four bytes from the bus read as "request 1: one byte, high".
    #expect(port.handle(.received(hex("04 00 00 01 00 01 01")), at: late) == [])
    #expect(port.isWaiting)
    #expect(port.handle(.received(hex("01 00 01 01")), at: late) == [.answered([1])])
}

@Test func `noise before an answer is passed over, and noise alone is reported`() {
    var port = asking(resetHigh)
    #expect(
        port.handle(.received([0x55, 0xAA, 0x99, 0x07] + hex("01 00 00 01")), at: start) == [.answered([1])])
    port = asking(resetHigh)
    #expect(port.handle(.received([0x55, 0xAA, 0x99, 0x07]), at: start) == [])
    #expect(
        port.handle(.woke, at: start + .seconds(1)) == [.failed(.nonsense([0x55, 0xAA, 0x99, 0x07]))])
}

@Test func `an echo of another level is no answer`() {
    var port = asking(resetHigh)
    #expect(port.handle(.received(hex("01 00 00 00")), at: start) == [])
    #expect(port.isWaiting)
}

@Test func `ids never reach the one that unparsed requests are answered with`() {
    var port = asking(.readPin(0), id: 254)
    #expect(port.handle(.received(hex("01 00 FE 01")), at: start) == [.answered([1])])
    #expect(
        port.handle(.ask(.readPin(0), patience: .seconds(1)), at: start) == [.send(hex("06 00 00 00 06 00"))])
}

@Test func `a hurried request ends sooner, never later`() {
    var port = asking(readTwoBytes)
    _ = port.handle(.hurry(.milliseconds(100)), at: start)
    #expect(port.wakeAt == start + .milliseconds(100))
    _ = port.handle(.hurry(.seconds(5)), at: start)
    #expect(port.wakeAt == start + .milliseconds(100))
}

@Test(arguments: [ControlFormat.payloadLength, .status, .totalLength])
func `any bytes at all leave the port able to answer or give up`(format: ControlFormat) {
    var generator = Xorshift(state: 0x9E37_79B9_7F4A_7C15)
    for round in 0..<300 {
        var port = asking(round % 2 == 0 ? readTwoBytes : setClock, format)
        var ended = false
        for _ in 0..<20 where !ended {
            let bytes = (0..<Int(generator.next() % 90)).map { _ in
                generator.next() % 3 == 0
                    ? UInt8(generator.next() % 6) : UInt8(truncatingIfNeeded: generator.next())
            }
            ended = !port.handle(.received(bytes), at: start).isEmpty
        }
        if !ended { ended = !port.handle(.woke, at: start + .seconds(1)).isEmpty }
        #expect(ended && !port.isWaiting)
    }
}

private struct Xorshift: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
}
