import BitcoinPrimitives
import Testing

@testable import NodeRPC

private func id(_ number: UInt8) -> Txid { Txid(Hash256(hashing: [number])) }

private func held(_ parents: [Txid] = []) -> MempoolMirror.Held {
    MempoolMirror.Held(wireBytes: [], parents: parents, isSigopCostExact: true)
}

/// The bookkeeping of ids, change by change.
@Suite struct MirrorTests {
    /// Holds these, as if they had been fetched.
    private func mirror(holding ids: [Txid], limit: Int = 100) -> MempoolMirror {
        var mirror = MempoolMirror(limit: limit)
        for txid in ids { mirror.hold(txid, held()) }
        return mirror
    }

    @Test func `changes that came while a list was on its way count from the list's number on`() {
        var mirror = mirror(holding: [id(1), id(2), id(3)])
        mirror.snapshotAsked()
        // Before the list was made: it has them already.
        mirror.added(id(9), number: 8)
        _ = mirror.removed(id(4), number: 9)
        // The first change that the list has not.
        mirror.added(id(5), number: 10)
        _ = mirror.removed(id(2), number: 11)
        let change = mirror.apply([id(1), id(2), id(3), id(4)], number: 10, sameTip: true)
        #expect(change.isComplete)
        #expect(Set(mirror.held.keys) == [id(1), id(3)])
        #expect(mirror.isWished(id(4)) && mirror.isWished(id(5)), "known of, to be fetched")
        #expect(!mirror.knows(id(9)) && !mirror.knows(id(2)))
    }

    @Test func `a removal that the list knew of already takes nothing away`() {
        var mirror = mirror(holding: [id(1), id(2)])
        mirror.snapshotAsked()
        _ = mirror.apply([id(1), id(2)], number: 10, sameTip: true)
        let early = mirror.removed(id(1), number: 9)
        let due = mirror.removed(id(2), number: 10)
        #expect(!early && due)
        #expect(Array(mirror.held.keys) == [id(1)])
        // Numbers begin anew with the node.
        mirror.forgetNumbers()
        let anew = mirror.removed(id(1), number: 1)
        #expect(anew)
    }

    @Test func `what has gone is mined if the tip moved, or if children stay behind`() {
        var mirror = MempoolMirror(limit: 100)
        for txid in [id(1), id(2), id(3)] { mirror.hold(txid, held()) }
        mirror.hold(id(4), held([id(1)]))
        mirror.snapshotAsked()
        let change = mirror.apply([id(3), id(4)], number: 1, sameTip: true)
        #expect(change.mined == [id(1)] && change.dropped == [id(2)])
        mirror.snapshotAsked()
        let moved = mirror.apply([id(4)], number: 1, sameTip: false)
        #expect(moved.mined == [id(3)] && moved.dropped.isEmpty)
    }

    @Test func `a parent that returns under its children has the whole family fetched again`() {
        var mirror = mirror(holding: [id(1)])
        mirror.hold(id(2), held([id(1)]))
        mirror.hold(id(3), held([id(2)]))
        mirror.hold(id(4), held())
        let again = mirror.refetch([id(1)], of: id(9))
        #expect(again == [id(1), id(2), id(3)].sorted())
        #expect(Array(mirror.held.keys) == [id(4)])
        #expect(again.allSatisfy(mirror.isWished))
    }

    @Test func `a parent that its children were told to wait for changes nothing`() {
        var mirror = mirror(holding: [])
        mirror.added(id(9), number: nil)
        mirror.hold(id(1), held([id(9)]))
        let again = mirror.refetch([id(1)], of: id(9))
        #expect(again.isEmpty)
        #expect(Array(mirror.held.keys) == [id(1)])
    }

    @Test func `what one request asked for and did not get is asked for again, and nothing else`() {
        var mirror = mirror(holding: [])
        for number in UInt8(1)...4 { mirror.added(id(number), number: nil) }
        let first = mirror.take(2, for: 7)
        let second = mirror.take(1, for: 8)
        #expect(first == [id(1), id(2)] && second == [id(3)])
        mirror.hold(id(1), held())
        mirror.giveBack([id(1), id(2)], from: 7)
        #expect(mirror.isAwaited(id(3), from: 8) && !mirror.isAwaited(id(2), from: 7))
        let rest = mirror.take(9, for: 9)
        #expect(rest == [id(4), id(2)])
        #expect(mirror.missing == 3 && !mirror.hasWaiting)
    }

    @Test func `no more is known of than the bound`() {
        var mirror = mirror(holding: [id(1), id(2)], limit: 4)
        for number in UInt8(3)...9 { mirror.added(id(number), number: nil) }
        #expect(mirror.missing == 2)
        let hadIt = mirror.removed(id(1), number: nil)
        let isWanted = mirror.added(id(9), number: nil)
        #expect(hadIt && isWanted)
    }

    @Test func `a log that grew too long makes the list worthless`() {
        var mirror = mirror(holding: [])
        mirror.snapshotAsked()
        for _ in 0...MempoolMirror.maximumLog { _ = mirror.removed(id(1), number: 5) }
        let first = mirror.apply([], number: 1, sameTip: true)
        mirror.snapshotAsked()
        let second = mirror.apply([], number: 1, sameTip: true)
        #expect(!first.isComplete && second.isComplete)
    }

    @Test func `published transactions are kept within a bound of number and bytes`() throws {
        var cache = RawCache()
        let transaction = Transaction(
            version: 2,
            inputs: [
                TransactionInput(
                    previousOutput: OutPoint(txid: id(1), index: 0), scriptSig: [], sequence: 0,
                    witness: [[0x51]])
            ],
            outputs: [TransactionOutput(value: Satoshis(rawValue: 5), script: [0x51])], lockTime: 0)
        cache.add(transaction.wireBytes)
        let kept = cache.find(transaction.txid)
        #expect(kept?.wireBytes == transaction.wireBytes)
        for _ in 1..<RawCache.maximumCount { cache.add([0]) }
        cache.add([0])
        let crowdedOut = cache.find(transaction.txid)
        #expect(crowdedOut == nil, "gone with the others")
        cache.add(transaction.wireBytes)
        cache.add([UInt8](repeating: 0, count: RawCache.maximumBytes + 1))
        let beside = cache.find(transaction.txid)
        #expect(beside != nil, "what is too large is not taken")
        cache.add([UInt8](repeating: 0, count: RawCache.maximumBytes))
        let displaced = cache.find(transaction.txid)
        #expect(displaced == nil)
    }
}
