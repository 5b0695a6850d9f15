import BitcoinPrimitives
import Negotiation
import Scheduling
import Units

/// Boards and chips as workers of the scheduler: they hash what they are given, and say what they find a few
/// milliseconds later.
struct NegotiationChips: Sendable {
    struct Worker: Sendable {
        var unit: WorkUnit?
        var nonce: UInt32 = 0
    }

    static let tick = Duration.milliseconds(100)
    static let ticketZeroBits = 4
    static let ticket = Target(leadingZeroBits: ticketZeroBits)
    /// From a nonce to its report.
    static let report: ClosedRange<Duration> = .milliseconds(1)...(.milliseconds(15))
    /// After which a worker wants new work.
    static let nonces: UInt32 = 400

    var workers: [Worker]
    /// They were told to rest, or not to hash yet.
    var isResting = true
    /// They hash what they are given.
    var isUp = false
    /// Of the last bring-up or rest.
    var generation: UInt64 = 0
    /// By how much they are faster than they should be.
    var factor = 1.0
    private let perTick: Double
    private var credit = 0.0

    init(_ plan: NegotiationPlan) {
        workers = [Worker](repeating: Worker(), count: plan.workers)
        perTick = plan.hashesPerSecond * Self.tick.inSeconds
    }

    /// Hashes that each worker does now.
    mutating func take() -> UInt32 {
        credit += perTick * factor
        let whole = credit.rounded(.down)
        credit -= whole
        return UInt32(whole)
    }
}

extension NegotiationWorld {
    mutating func hash() {
        timeline.plan(.hash, at: now + NegotiationChips.tick)
        let count = chips.take()
        for index in chips.workers.indices {
            guard let unit = chips.workers[index].unit else { continue }
            var nonce = chips.workers[index].nonce
            for _ in 0..<count {
                let header = unit.header(nonce: nonce, versionBits: 0)
                if NegotiationChips.ticket.isMet(by: header.hash) {
                    let claim = Claim(unit: unit.id, nonce: nonce, versionBits: 0, chip: nil)
                    timeline.plan(
                        .claim(WorkerID(index), claim, chips: chips.generation),
                        at: now + chance.duration(in: NegotiationChips.report))
                }
                nonce &+= 1
            }
            chips.workers[index].nonce = nonce
            if nonce >= NegotiationChips.nonces { schedule(.needWork(WorkerID(index))) }
        }
    }

    mutating func schedule(_ event: Scheduler.Event) {
        for action in scheduler.handle(event, at: now) {
            switch action {
            case .work(let worker, let unit):
                if chips.isUp { chips.workers[worker.number] = .init(unit: unit) }
            case .share(let share): found(share)
            case .judged(_, _, let isHonest):
                if !isHonest { judge.fail(.shares, "a chip that hashes was called wrong") }
            }
        }
    }

    /// All boards are up.
    mutating func bringUp() {
        chips.isUp = true
        for index in chips.workers.indices {
            schedule(
                .workerReady(WorkerID(index), ticketZeroBits: NegotiationChips.ticketZeroBits))
            schedule(.needWork(WorkerID(index)))
        }
    }

    /// What they found a moment ago is still on its way to us.
    mutating func rest() {
        (chips.isResting, chips.isUp) = (true, false)
        for index in chips.workers.indices { chips.workers[index].unit = nil }
    }

    mutating func work() {
        for index in chips.workers.indices { schedule(.workerGone(WorkerID(index))) }
        chips.isResting = false
        chips.generation += 1
        let up = chance.duration(in: .milliseconds(500)...(.seconds(2)))
        timeline.plan(.chipsUp(chips.generation), at: now + up)
    }
}
