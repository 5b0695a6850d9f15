import ASICWire
import ChipSupport
import Testing
import Units

@testable import ASICChains

private let start = Instant(nanoseconds: 0)

/// Lets a probe hear `answers`, one for each question, and tells what it asked and found.
private func probe(_ answers: [[UInt8]]) -> (asked: [[UInt8]], finding: ChainProbe.Finding?) {
    var probe = ChainProbe()
    var (asked, now, rest) = ([[UInt8]](), start, answers[...])
    var actions = probe.begin(at: now)
    while true {
        for case .send(let bytes) in actions {
            asked.append(bytes)
            // In small pieces, as a slow line brings them.
            for byte in rest.popFirst() ?? [] { _ = probe.received([byte], at: now) }
        }
        if case .finished(let finding)? = actions.last { return (asked, finding) }
        now = now + .seconds(1)
        actions = probe.woke(at: now)
        if actions.isEmpty { return (asked, nil) }
    }
}

@Test func `chips say who they are, in the short form and in the long one`() {
    for format in [ResponseFormat.short, .long] {
        let replies = [0x1370_0000 as UInt32, 0x1370_0002].map {
            ChipResponse.register(RegisterValue(value: $0, chipAddress: UInt8($0 & 0xff), register: 0))
        }
        let (asked, finding) = probe([[0xff] + replies.flatMap { $0.wireBytes(format) }])
        #expect(asked == [[0x55, 0xaa, 0x52, 0x05, 0x00, 0x00, 0x0a]])
        #expect(finding?.chips == [.init(id: 0x1370, address: 0), .init(id: 0x1370, address: 2)])
        #expect(finding?.unreadableBytes == 1)
    }
}

@Test func `where nobody understands the first question, the older dialect is tried`() {
    // A captured answer of a BM1387 chain (bm1387_bm1391.json).
    let reply = ChipResponse.register(RegisterValue(value: 0x1387_9004, chipAddress: 0, register: 0))
    let (asked, finding) = probe([[], reply.wireBytes(.bare)])
    #expect(asked.last == [0x54, 0x05, 0x00, 0x00, 0x19])
    #expect(finding?.chips == [.init(id: 0x1387, address: 4)])
    #expect(finding?.dialect == .bare)
}

@Test func `silence and noise end in a finding without chips`() {
    #expect(probe([[], []]).finding?.unreadableBytes == 0)
    let noise = [UInt8](repeating: 0x5a, count: 10_000)
    let finding = probe([noise, []]).finding
    #expect(finding?.chips == [])
    #expect(finding?.unreadableBytes == ChainProbe.capacity)
}
