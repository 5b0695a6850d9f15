import BitcoinPrimitives
import BlockRoutes
import Testing
import Units

/// A block in form: a header that names its parent, and a number that makes it different.
func block(
    _ number: UInt32, on parent: Hash256 = .zero, height: UInt32 = 100, upstream: [BlockRoute] = [],
    size: Int = 200
) -> MinedBlock {
    let header = Header(
        version: 0x2000_0000, previousBlock: parent, merkleRoot: .zero, time: 1_700_000_000,
        bits: CompactTarget(bits: 0x207f_ffff), nonce: number)
    let bytes = header.wireBytes + [UInt8](repeating: 1, count: size - Header.size)
    guard let block = MinedBlock(wireBytes: bytes, height: height, job: 7, upstreamRoutes: upstream) else {
        preconditionFailure("enough bytes")
    }
    return block
}

/// Some other block's hash.
func other(_ number: UInt32) -> Hash256 { Hash256(hashing: [UInt8(truncatingIfNeeded: number), 0xEE]) }

func at(_ milliseconds: Int64) -> Instant { Instant(nanoseconds: 5_000_000_000 + milliseconds * 1_000_000) }

extension MinedBlock {
    var name: StoredBlock { StoredBlock(hash: hash, height: height) }
}

extension [BlockDelivery.Action] {
    var sends: [BlockRoute] {
        compactMap { if case .send(_, let route, _) = $0 { route } else { nil } }
    }
    var attempts: [Int] {
        compactMap { if case .send(_, _, let attempt) = $0 { attempt } else { nil } }
    }
    var alarms: [BlockAlarm] { compactMap { if case .alarm(let alarm) = $0 { alarm } else { nil } } }
    var notices: [BlockDelivery.Notice] {
        compactMap { if case .notice(let notice) = $0 { notice } else { nil } }
    }
    var settled: [BlockOutcome] {
        compactMap { if case .settle(_, let outcome) = $0 { outcome } else { nil } }
    }
    var loads: [StoredBlock] { compactMap { if case .load(let file) = $0 { file } else { nil } } }
    var wake: Instant? { reversed().compactMap { if case .wake(let at) = $0 { at } else { nil } }.first }
}

struct Dice: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ (state >> 31)
    }
}
