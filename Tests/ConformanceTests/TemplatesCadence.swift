import BitcoinPrimitives
import Foundation
import TestSupport
import Testing
import Units

@testable import TemplateBuilding

/// The made-up mempool of `data/mempool/synth-50k` and what happens to it in 93 minutes.
enum SyntheticMempool {
    static func lines(_ file: String) throws -> [[Substring]] {
        try String(decoding: Shared.unzipped("data/mempool/\(file)"), as: UTF8.self).split(separator: "\n")
            .filter { !$0.hasPrefix("#") }.map { $0.split(separator: ",", omittingEmptySubsequences: false) }
    }

    static func txid(_ index: Substring) -> Txid { Txid(Hash256(hashing: Array("adit-synth-\(index)".utf8))) }

    /// - Parameter fields: index, weight, sigop cost, fee, parents.
    static func entry(_ fields: ArraySlice<Substring>) throws -> MempoolEntry {
        let fields = Array(fields)
        let txid = txid(fields[0])
        return MempoolEntry(
            txid: txid, wtxid: Wtxid(txid.hash), weight: Weight(weightUnits: try #require(UInt64(fields[1]))),
            sigopCost: Int(fields[2]) ?? 0, fee: Satoshis(rawValue: try #require(UInt64(fields[3]))),
            parents: fields[4].split(separator: " ").map { Self.txid($0) }, wireBytes: [])
    }
}

/// A mempool, the rule for new jobs, and miners who get them a moment later.
private struct Shop {
    static let room = (weight: Weight(weightUnits: 3_991_999), sigopCost: 79_599)
    /// From the wish for a template to the job being out: more than a template of 4,000 transactions takes.
    static let delay = Duration.milliseconds(10)

    var mempool = Mempool()
    var cadence: JobCadence
    var age: TemplateAge
    /// What is on its way to the miners.
    var pending: (fees: Int64, at: Instant)?
    var wake: Instant?
    /// Fees of the job being mined, and since when.
    var mined: Int64?
    var jobs: [(at: Instant, reason: JobCadence.Reason)] = []

    init(_ settings: JobCadence.Settings) {
        cadence = JobCadence(settings)
        age = TemplateAge(from: Instant(nanoseconds: 0))
    }

    mutating func perform(_ actions: [JobCadence.Action], at now: Instant) {
        for action in actions {
            switch action {
            case .build(let reason):
                let choice = mempool.choose(weight: Shop.room.weight, sigopCost: Shop.room.sigopCost)
                pending = (choice.orderingFees, now + Shop.delay)
                jobs.append((now + Shop.delay, reason))
            case .wake(let at): wake = at
            }
        }
    }

    /// What comes due before `now`, in order.
    mutating func advance(to now: Instant) {
        while true {
            if let job = pending, job.at <= now, wake.map({ job.at <= $0 }) ?? true {
                pending = nil
                mined = job.fees
                age.replaced(at: job.at)
                look(at: job.at)
                perform(cadence.handle(.jobSent(orderingFees: job.fees), at: job.at), at: job.at)
            } else if let due = wake, due <= now {
                wake = nil
                perform(cadence.handle(.woke, at: due), at: due)
            } else {
                return
            }
        }
    }

    mutating func changed(at now: Instant) {
        perform(cadence.handle(.mempoolChanged(look(at: now)), at: now), at: now)
    }

    mutating func tip(at now: Instant) {
        mined = nil
        pending = nil
        perform(cadence.handle(.tipChanged, at: now), at: now)
        look(at: now)
    }

    @discardableResult
    private mutating func look(at now: Instant) -> MempoolOutlook {
        let outlook = mempool.outlook(weight: Shop.room.weight, sigopCost: Shop.room.sigopCost)
        let isOutdated = mined.map { outlook.gain(over: $0).lowerBound >= threshold } ?? true
        age.observe(isOutdated: isOutdated, at: now)
        return outlook
    }

    private var threshold: Int64 { Int64(cadence.settings.threshold.rawValue) }
}

@Suite(.enabled(if: Shared.isPresent || ProcessInfo.processInfo.environment["CI"] == "true"))
struct TemplatesCadenceConformance {
    /// Age as ``TemplateAge`` has it, with a threshold of one satoshi: whenever more is to be had than the job in the
    /// miners' hands earns, it ages.
    @Test
    func `over 93 minutes the template being mined is younger than half a second, at one job a second`()
        throws
    {
        var settings = JobCadence.Settings()
        settings.threshold = Satoshis(rawValue: 1)
        var shop = Shop(settings)
        var entries = [MempoolEntry]()
        for fields in try SyntheticMempool.lines("synth-50k.csv.gz") {
            entries.append(try SyntheticMempool.entry(fields[...]))
        }
        #expect(shop.mempool.add(contentsOf: entries).isEmpty)
        let start = Instant(nanoseconds: 0)
        shop.tip(at: start)
        var now = start
        var gaps = [Int64]()
        for fields in try SyntheticMempool.lines("synth-50k.trace.csv.gz") {
            now = start + .milliseconds(try #require(Int64(fields[0])))
            shop.advance(to: now)
            switch fields[1] {
            case "A": shop.mempool.add(try SyntheticMempool.entry(fields[2...]))
            case "R":
                for index in fields[2].split(separator: " ") {
                    shop.mempool.remove(SyntheticMempool.txid(index))
                }
            case "P":
                shop.mempool.prioritise(SyntheticMempool.txid(fields[2]), by: try #require(Int64(fields[3])))
            case "B":
                shop.mempool.connect(mined: fields[2].split(separator: " ").map { SyntheticMempool.txid($0) })
                shop.tip(at: now)
            case "C":
                // What the answer without a template leaves open.
                let outlook = shop.mempool.outlook(weight: Shop.room.weight, sigopCost: Shop.room.sigopCost)
                let choice = shop.mempool.choose(weight: Shop.room.weight, sigopCost: Shop.room.sigopCost)
                #expect(outlook.atLeast <= choice.orderingFees && choice.orderingFees <= outlook.atMost)
                gaps.append(choice.orderingFees - outlook.atLeast)
                continue
            default: Issue.record("unknown event \(fields[1])")
            }
            shop.changed(at: now)
        }
        let mean = shop.age.mean(at: now)
        #expect(mean < 0.5, "\(mean) s")
        #expect(mean > 0.01, "something was outdated now and then")
        #expect(shop.age.highest(at: now) <= 1.02)
        for (before, job) in zip(shop.jobs, shop.jobs.dropFirst()) where job.reason != .tip {
            #expect(job.at - before.at >= .seconds(1))
        }
        #expect(Double(shop.jobs.count) <= (now - start).inSeconds)
        #expect(shop.jobs.filter { $0.reason == .tip }.count == 8)
        #expect(gaps.count == 29 && gaps.allSatisfy { $0 < 5_000 }, "\(gaps)")
    }
}
