import BitcoinPrimitives
import Payouts
import Testing

/// Texts of every form that is read, to be damaged.
private let seeds = [
    "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "bc1sw50qgdz25j",
    "raw(deadbeef)#89f8spxm", "addr(3PUNyaW7M55oKWJ3kDukwk9bsKvryra15j)",
    "tr([deadbeef/0h/1]a34b99f22c790c4e36b2b3c2c35a36db06226e41c692fc82b8b56ac1c540c5bd)",
    """
    wpkh([ffffffff/13']xpub69H7F5d8KSRgmmdJg2KhpAK8SR3DjMwAdkxj3ZuxV27CprR9LgpeyGmXUbC6wb7ERfvrnKZjXoUmmDznezpbZb7ap6\
    r1D3tgFxHmwMkQTPH/1/2/*)
    """,
]

private struct Dice: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ (state >> 31)
    }
}

@Test(arguments: 1...40)
func `damaged texts are refused or read, and what is read comes back`(seed: Int) throws {
    var dice = Dice(state: UInt64(seed))
    for text in seeds {
        var characters = Array(text)
        for _ in 0..<Int.random(in: 0...3, using: &dice) {
            let at = Int.random(in: 0..<characters.count, using: &dice)
            switch Int.random(in: 0..<5, using: &dice) {
            case 0: characters.remove(at: at)
            case 1: characters.insert(Array("()[]/*'h#1é \u{0}<,").randomElement(using: &dice) ?? "x", at: at)
            case 2: characters.swapAt(at, characters.count - 1)
            case 3: characters.removeSubrange(at...)
            default: characters += characters[..<at]
            }
            if characters.isEmpty { break }
        }
        let damaged = String(characters)
        if let address = try? PayoutAddress(damaged, allowingUnknownWitness: true) {
            #expect(try PayoutAddress(address.text, allowingUnknownWitness: true) == address)
        }
        if let payout = try? PayoutDescriptor(addressOrDescriptor: damaged, on: .main) {
            let again = try PayoutDescriptor(payout.text, on: .main)
            #expect(again.script(at: 5) == payout.script(at: 5) && again.isRanged == payout.isRanged)
        }
    }
}
