import BitcoinPrimitives
import Negotiation
import Scheduling

/// Chips that find what they are told to find, and the books of what became of it.
struct GivenChips {
    private(set) var job: Job?
    private(set) var jobs: [Job] = []
    private(set) var found: [Share] = []
    private(set) var settled: [Share: [ShareOutcome]] = [:]
    private(set) var blocks: [Share] = []
    private var nonce: UInt32 = 0

    mutating func activate(_ new: Job) {
        job = new
        jobs.append(new)
    }

    mutating func settle(_ share: Share, _ outcome: ShareOutcome) {
        settled[share, default: []].append(outcome)
    }
    mutating func sawBlock(_ share: Share) { blocks.append(share) }

    /// Tries nonces until one is a share (or a block) of the job at hand, or of the one given.
    mutating func find(of given: Job? = nil, isBlock: Bool = false) -> Share? {
        guard let job = given ?? job else { return nil }
        var extranonce = [UInt8](repeating: 0, count: job.extranonceSize)
        extranonce[0] = 1
        let root = CoinbaseParts.merkleRoot(
            strippedPrefix: job.coinbasePrefix, extranonce: job.extranoncePrefix + extranonce,
            strippedSuffix: job.coinbaseSuffix, path: job.merklePath)
        while true {
            nonce += 1
            let header = Header(
                version: job.version & ~job.versionMask | (nonce &* 0x9e37_79b9) & job.versionMask,
                previousBlock: job.previousBlock, merkleRoot: root, time: job.minimumTime, bits: job.bits,
                nonce: nonce)
            let hash = header.hash
            let meetsBlock = job.blockTarget.isMet(by: hash)
            guard job.target.isMet(by: hash), meetsBlock || !isBlock else { continue }
            let share = Share(
                origin: job.origin, extranonce: extranonce, header: header, hash: hash, isBlock: meetsBlock)
            found.append(share)
            return share
        }
    }

    func outcome(of share: Share?) -> ShareOutcome? { share.flatMap { settled[$0]?.first } }
    var accepted: [Share] { found.filter { settled[$0] == [.accepted] } }
    var lost: [Share] {
        found.filter { share in
            settled[share]?.contains { if case .lost = $0 { true } else { false } } ?? false
        }
    }

    /// What no fault excuses. - Parameter poolAccepted: in the order in which the pool counted them.
    func problems(poolAccepted: [Hash256]) -> [String] {
        var problems = [String]()
        let pool = Set(poolAccepted)
        if pool.count != poolAccepted.count { problems.append("counted twice") }
        if !found.allSatisfy({ settled[$0]?.count == 1 }) { problems.append("not settled exactly once") }
        if !Set(settled.keys).isSubset(of: found) { problems.append("settled what was never found") }
        if !accepted.allSatisfy({ pool.contains($0.hash) }) {
            problems.append("said to be accepted, and is not")
        }
        if !pool.isSubset(of: found.map(\.hash)) { problems.append("the pool has what was never found") }
        return problems
    }
}
