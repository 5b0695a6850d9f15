import Boards
import TestSupport
import Testing
import Units

private func asked(_ request: ControlRequest, _ answer: String) -> [ControlPort.Action] {
    var port = ControlPort(.payloadLength)
    let start = Instant(nanoseconds: 0)
    return port.handle(.ask(request, patience: .seconds(1)), at: start)
        + port.handle(.received(hex(answer)), at: start)
}

/// Packets of shared vectors, with the first id of a port. Source: boards.md §2.3.
@Test func `inputs are read and the light is set as the firmware's packets are`() throws {
    #expect(
        asked(.readInput(.own), "02 00 00 BC 0A")
            == [.send(hex("06 00 00 00 07 50")), .answered([0xBC, 0x0A])])
    #expect(asked(.readInput(.board), "02 00 00 55 05").first == .send(hex("06 00 00 00 07 51")))
    #expect(
        asked(.setLight(red: 0xFF, green: 0x80, blue: 0), "03 00 00 FF 80 00")
            == [.send(hex("09 00 00 00 08 10 FF 80 00")), .answered([0xFF, 0x80, 0x00])])
    #expect(AnalogReading([0xBC, 0x0A])?.steps == 0x0ABC)
    #expect(AnalogReading([0xBC]) == nil && AnalogReading([0xFF, 0xFF]) == nil)
}

@Test func `a light of another colour than asked for is no answer`() {
    let actions = asked(.setLight(red: 1, green: 2, blue: 3), "03 00 00 01 02 04")
    #expect(actions.count == 1)
}
