import BitcoinPrimitives
import TestSupport
import Testing
import Verification

/// The genesis block of the main chain: 43 leading zero bits.
private let genesis = Header(
    wireBytes: hex(
        """
        01000000 0000000000000000000000000000000000000000000000000000000000000000
        3ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a 29ab5f49 ffff001d 1dac2b7c
        """))!

@Test func `a hash is a block, a share, work or an error, by the hardest bound that it meets`() {
    func verdict(ticket: Int, share: Int, block: Int) -> Verdict {
        verify(
            genesis,
            against: Bounds(
                ticketZeroBits: ticket, target: Target(leadingZeroBits: share),
                blockTarget: Target(leadingZeroBits: block)))
    }
    let hash = genesis.hash
    #expect(hash.displayHex == "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f")
    #expect(verdict(ticket: 32, share: 40, block: 43) == .block(hash))
    #expect(verdict(ticket: 32, share: 43, block: 44) == .share(hash))
    #expect(verdict(ticket: 43, share: 44, block: 50) == .belowTarget(hash))
    #expect(verdict(ticket: 44, share: 40, block: 50) == .hardwareError(hash))
}

@Test func `the midstate of a header gives the same hash as the whole`() {
    let midstate = HeaderMidstate(genesis)
    #expect(midstate.hash(time: genesis.time, nonce: genesis.nonce) == genesis.hash)
    var other = genesis
    other.nonce = 7
    other.time += 1
    #expect(midstate.hash(time: other.time, nonce: 7) == other.hash)
}
