import BitcoinPrimitives
import Payouts
import Testing

private let key = """
    xpub69H7F5d8KSRgmmdJg2KhpAK8SR3DjMwAdkxj3ZuxV27CprR9LgpeyGmXUbC6wb7ERfvrnKZjXoUmmDznezpbZb7ap6r1D3tgFxHmwMkQTPH
    """
private func ranged() throws -> PayoutDescriptor {
    try PayoutDescriptor("wpkh([ffffffff/13']\(key)/1/2/*)", on: .main)
}

@Test func `each found block moves the payout to a new address`() throws {
    var payout = PayoutIndex(try ranged())
    #expect(payout.script.hex == "0014326b2249e3a25d5dc60935f044ee835d090ba859")
    #expect(payout.blockFound(paying: 0) == .moved(to: 1))
    #expect(payout.script.hex == "0014af0bd98abc2f2cae66e36896a39ffe2d32984fb7")
    // A second block on a job of before, and a job from a time that never was.
    #expect(payout.blockFound(paying: 0) == .unchanged)
    #expect(payout.blockFound(paying: 7) == .unchanged)
    #expect(payout.blockFound(paying: 1) == .moved(to: 2))
    #expect(payout.script.hex == "00141fa798efd1cbf95cebf912c031b8a4a6e9fb9f27")
    #expect(payout.current == 2)
}

@Test func `a single address stays`() throws {
    var payout = PayoutIndex(try PayoutDescriptor("raw(51)", on: .regtest), from: 9)
    #expect(payout.current == 0)
    #expect(payout.blockFound(paying: 0) == .unchanged)
    #expect(payout.script == [0x51])
}

@Test func `after the last index the last address goes on being paid`() throws {
    var payout = PayoutIndex(try ranged(), from: 0x7fff_fffe)
    #expect(payout.blockFound(paying: 0x7fff_fffe) == .moved(to: 0x7fff_ffff))
    let last = payout.script
    #expect(payout.blockFound(paying: 0x7fff_ffff) == .exhausted)
    #expect(payout.script == last && payout.current == 0x7fff_ffff)
}

@Test func `what stored blocks paid is not paid again`() throws {
    var payout = PayoutIndex(try ranged())
    let scripts = try (0..<4).map { try #require(try ranged().script(at: $0)) }
    #expect(payout.catchUp(onPaid: []) == .unchanged && payout.current == 0)
    #expect(payout.catchUp(onPaid: [scripts[1], [0x51]]) == .unchanged && payout.current == 0)
    #expect(payout.catchUp(onPaid: [scripts[2], scripts[0], scripts[1]]) == .moved(to: 3))
    #expect(payout.script == scripts[3])
    var single = PayoutIndex(try PayoutDescriptor("raw(51)", on: .regtest))
    #expect(single.catchUp(onPaid: [[0x51]]) == .unchanged)
    var last = PayoutIndex(try ranged(), from: 0x7fff_ffff)
    #expect(last.catchUp(onPaid: [last.script]) == .exhausted)
}

@Test func `the record brings the index back for the same descriptor only`() throws {
    var payout = PayoutIndex(try ranged())
    _ = payout.blockFound(paying: 0)
    let again = try PayoutIndex(try ranged(), record: payout.record)
    #expect(again.current == 1 && again.script == payout.script)
    // The same keys, written without origin: the same payouts.
    let bare = try PayoutDescriptor("wpkh(\(key)/1/2/*)", on: .main)
    #expect(try PayoutIndex(bare, record: payout.record).script == payout.script)
    let other = try PayoutDescriptor("tr(\(key)/1/2/*)", on: .main)
    #expect(throws: PayoutIndex.RecordFault.otherDescriptor) {
        try PayoutIndex(other, record: payout.record)
    }
    let words = payout.record.split(separator: " ").map(String.init)
    let (identity, checksum) = (words[1], words[3])
    for bad in [
        "", "1", "2 \(identity) 1 \(checksum)", "1 \(identity) -1 \(checksum)", "1 \(identity) 1",
        "1 \(identity) 2147483648 \(checksum)", "1 \(identity) x \(checksum)", "1 1 1 \(checksum)",
    ] {
        #expect(throws: PayoutIndex.RecordFault.form, "\(bad)") { try PayoutIndex(bare, record: bad) }
    }
    for bad in ["1 \(identity) 0 \(checksum)", "1 \(identity) 11 \(checksum)", "1 \(identity) 1 00000000"] {
        #expect(throws: PayoutIndex.RecordFault.checksum, "\(bad)") { try PayoutIndex(bare, record: bad) }
    }
}
