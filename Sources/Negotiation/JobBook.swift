import BitcoinPrimitives
import Scheduling
import TemplateBuilding

/// The jobs whose shares may still come: the newest, others of its tip, and for recognition those of the tip
/// before.
struct JobBook: Sendable {
    /// Of one tip. Source: sv2-notes §15.
    static let maximumJobs = 64
    /// Jobs that keep their transactions. Source: sv2-notes §15.
    static let maximumTemplates = 4

    /// Oldest first; the last one is being hashed.
    private(set) var records: [JobRecord] = []

    var current: JobRecord? { records.last }

    /// The newest, unless it is from before a stop.
    var latest: JobRecord? {
        if case .void(.stopped)? = records.last?.status { nil } else { records.last }
    }

    subscript(number: UInt64) -> JobRecord? {
        get { index(of: number).map { records[$0] } }
        set {
            guard let index = index(of: number) else { return }
            guard let newValue else { preconditionFailure("records leave by age alone") }
            records[index] = newValue
        }
    }

    /// Appends the newest job. Returns what had to go for it.
    mutating func append(_ record: JobRecord) -> JobRecord? {
        let oldest = records.count == Self.maximumJobs ? records.removeFirst() : nil
        records.append(record)
        if records.count > Self.maximumTemplates {
            records[records.count - 1 - Self.maximumTemplates].proposal = nil
        }
        return oldest
    }

    /// Changes a record in place; does nothing when there is no such job.
    mutating func update<Result>(_ number: UInt64, _ change: (inout JobRecord) -> Result) -> Result? {
        guard let index = index(of: number) else { return nil }
        return change(&records[index])
    }

    mutating func updateAll(_ change: (inout JobRecord) -> Void) {
        for index in records.indices { change(&records[index]) }
    }

    /// Forgets the jobs that were stale before, keeps the rest as stale. Returns the shares that waited for
    /// them.
    mutating func leaveTip() -> [Share] {
        records.removeAll { if case .void(.staleTip) = $0.status { true } else { false } }
        var waiting = [Share]()
        updateAll { waiting += $0.close(.staleTip).map(\.share) }
        return waiting
    }

    // Numbers grow, and shares are mostly of the newest job.
    private func index(of number: UInt64) -> Int? { records.lastIndex { $0.job.origin.jobNumber == number } }
}

/// A job and how far the pool knows it.
struct JobRecord: Sendable {
    enum Status: Hashable, Sendable {
        /// Not declared on the links as they are now: no token, no channel, or the connection broke.
        case undeclared
        /// DeclareMiningJob was sent.
        case declaring
        /// SetCustomMiningJob was sent. A server may forget a declaration with the connection it came on: once
        /// that is gone (`isOrphaned`), a refusal is not about the job.
        case requesting(isOrphaned: Bool)
        /// Shares go to the pool's job `jobId` and must meet `target`, which can differ from the job's own.
        case acknowledged(jobId: UInt32, target: Target)
        /// The pool will never take a share of it.
        case void(LossReason)
    }

    let job: Job
    /// `nil` when newer jobs took its place in memory.
    var proposal: Proposal?
    var status = Status.undeclared
    var waiting = WaitingShares()
    /// It was declared again after a refusal that was not about it, since it was acknowledged last.
    var hadSecondTry = false
    /// A block that the declarator cannot assemble before it knows the job.
    var solution: Share?

    init(job: Job, proposal: Proposal) {
        self.job = job
        self.proposal = proposal
    }

    var isBeingDeclared: Bool {
        switch status {
        case .declaring, .requesting: true
        case .undeclared, .acknowledged, .void: false
        }
    }

    var isVoid: Bool { if case .void = status { true } else { false } }

    /// Makes it void, unless it is already. Returns the shares that waited.
    mutating func close(_ reason: LossReason) -> [WaitingShares.Entry] {
        if !isVoid || reason == .staleTip { status = .void(reason) }
        return waiting.takeAll()
    }

    /// What was sent on a connection that is gone has to be said again.
    mutating func forgetLink(_ link: Link) {
        switch (link, status) {
        case (.mining, .requesting), (.mining, .acknowledged), (.jobDeclaration, .declaring):
            status = .undeclared
        case (.jobDeclaration, .requesting): status = .requesting(isOrphaned: true)
        case (.mining, .undeclared), (.mining, .declaring), (.mining, .void), (.jobDeclaration, .undeclared),
            (.jobDeclaration, .acknowledged), (.jobDeclaration, .void):
            break
        }
    }
}

/// Shares that wait until the pool knows their job.
struct WaitingShares: Sendable {
    struct Entry: Hashable, Sendable {
        let share: Share
        /// It went out on an older connection, and no answer came.
        let wasSent: Bool
    }

    /// Shares never sent, per job. Source: sv2-notes §8.5, §15. Those sent before are bounded by the client's
    /// own list of unanswered shares.
    static let maximumUnsent = 100

    /// In the order in which they were sent.
    private var sent: [Share] = []
    /// Lowest hash first.
    private var unsent: [Share] = []

    var isEmpty: Bool { sent.isEmpty && unsent.isEmpty }
    var count: Int { sent.count + unsent.count }

    mutating func add(sent share: Share) { sent.append(share) }

    /// Returns the share that has to go when there are too many: the one with the highest hash.
    mutating func add(unsent share: Share) -> Share? {
        unsent.insert(share, at: unsent.firstIndex { share.hash < $0.hash } ?? unsent.endIndex)
        return unsent.count > Self.maximumUnsent ? unsent.removeLast() : nil
    }

    mutating func takeAll() -> [Entry] {
        defer { (sent, unsent) = ([], []) }
        return sent.map { Entry(share: $0, wasSent: true) } + unsent.map { Entry(share: $0, wasSent: false) }
    }
}

/// How the pool judged the last shares of acknowledged jobs. Source: sv2-notes §9 rule 5.
struct RejectionWindow: Sendable {
    static let size = 100
    static let minimum = 20

    private var rejected: [Bool] = []  // at most `size`, oldest first

    /// Returns rejections and total when more than 5 % of at least 20 were rejected.
    mutating func count(rejected isRejected: Bool) -> (rejected: Int, total: Int)? {
        if rejected.count == Self.size { rejected.removeFirst() }
        rejected.append(isRejected)
        let bad = rejected.count { $0 }
        return rejected.count >= Self.minimum && bad * 20 > rejected.count ? (bad, rejected.count) : nil
    }
}
