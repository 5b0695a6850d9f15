import BitcoinPrimitives
import NodeRPC
import TemplateBuilding
import Units

/// A follower and a model node on a virtual clock, with a network between them that may misbehave.
struct FollowerWorld {
    enum Happening {
        case toNode(NodeRequest, NodeFollower.Lane)
        case toFollower(NodeFollower.Event)
        case add, drop, mine, reorganise
        case dieUntil(Instant), stallUntil(Instant), lose(Int), sendAgain
        /// The last block goes, and nothing comes in its place.
        case invalidate
        /// Connections of long polls break.
        case breakPolls
    }

    enum NodeState { case well, dead, stalled }

    var node: ModelNode
    var follower: NodeFollower
    /// What somebody sees who applies every change.
    var consumer = Mempool()
    var tips: [NextBlock] = []
    var mempoolTip: Hash256?
    var healths: [(health: NodeHealth, at: Instant)] = []
    var subscriptions = 0
    var corrections: [Txid: Int] = [:]
    var calls: [NodeCall] = []
    /// Turns an answer into another one, while it is set.
    var tamper: ((NodeRequest, [UInt8]) -> (status: Int, body: [UInt8]))?
    /// Answers to long polls arrive.
    var answersPolls = true
    private(set) var abandoned: [NodeFollower.Lane] = []
    /// Questions on their way, by lane.
    private var open: [NodeFollower.Lane: UInt64] = [:]
    private(set) var state = NodeState.well
    private(set) var now = Instant(nanoseconds: 0)
    private var happenings: [(at: Instant, order: Int, what: Happening)] = []
    private var order = 0
    private var chance: SplitMix64
    private var wakeAt: Instant?
    private var longPolls: [(request: NodeRequest, tip: Hash256)] = []
    private var held: [NodeRequest] = []
    /// When the last message of a topic arrives: they do not overtake one another.
    private var arrivals: [ZMQMessage.Topic: Instant] = [:]
    private var losing = 0
    private var last: ZMQMessage?

    init(seed: UInt64, configuration: NodeFollower.Configuration = .init()) {
        node = ModelNode(seed: seed)
        chance = SplitMix64(seed: seed ^ 0xabcd)
        follower = NodeFollower(configuration: configuration)
    }

    mutating func start() { tell(.start) }

    mutating func schedule(_ what: Happening, at: Instant) {
        order += 1
        happenings.append((at, order, what))
    }

    mutating func run(for duration: Duration) {
        let end = now + duration
        while true {
            let next = happenings.enumerated().min {
                ($0.element.at, $0.element.order) < ($1.element.at, $1.element.order)
            }
            if let wakeAt, wakeAt <= end, wakeAt <= next?.element.at ?? end {
                now = max(now, wakeAt)
                self.wakeAt = nil
                tell(.woke)
            } else if let next, next.element.at <= end {
                now = max(now, next.element.at)
                happenings.remove(at: next.offset)
                happen(next.element.what)
            } else {
                now = end
                return
            }
        }
    }

    private mutating func happen(_ what: Happening) {
        switch what {
        case .toFollower(let event): tell(event)
        case .toNode(let request, let lane): ask(request, lane)
        case .add: node.add()
        case .drop: node.drop()
        case .mine: node.mine()
        case .reorganise: node.reorganise()
        case .invalidate: node.invalidate()
        case .breakPolls:
            for poll in longPolls { reply(.failed(poll.request.firstID, .closed)) }
            longPolls = []
        case .lose(let count): losing += count
        case .sendAgain: if let last { deliver(last) }
        case .dieUntil(let end):
            if now < end {
                state = .dead
                held = []
                for poll in longPolls { reply(.failed(poll.request.firstID, .closed)) }
                longPolls = []
                schedule(.dieUntil(end), at: end)
            } else {
                state = .well
                node.restart()
            }
        case .stallUntil(let end):
            if now < end {
                state = .stalled
                schedule(.stallUntil(end), at: end)
            } else {
                state = .well
                for request in held { ask(request, .main) }
                held = []
            }
        }
        for message in node.collect() where state != .dead {
            last = message
            if losing > 0 { losing -= 1 } else { deliver(message) }
        }
        let tip = node.tip
        for poll in longPolls where poll.tip != tip && state == .well && answersPolls {
            longPolls.removeAll { $0.request == poll.request }
            respond(poll.request)
        }
    }

    private mutating func deliver(_ message: ZMQMessage) {
        let soonest = arrivals[message.topic] ?? now
        let arrival = max(now + .microseconds(Int64(chance.next() % 20_000)), soonest)
        arrivals[message.topic] = arrival
        schedule(.toFollower(.message(message)), at: arrival)
    }

    private mutating func ask(_ request: NodeRequest, _ lane: NodeFollower.Lane) {
        switch state {
        case .dead: reply(.failed(request.firstID, .refused))
        case .stalled:
            if lane == .main { held.append(request) } else { longPolls.append((request, node.tip)) }
        case .well: if lane == .main { respond(request) } else { longPolls.append((request, node.tip)) }
        }
    }

    private mutating func respond(_ request: NodeRequest) {
        let body = node.answer(request)
        let answer = tamper?(request, body) ?? (status: 200, body: body)
        reply(.answered(request.firstID, status: answer.status, body: answer.body))
    }

    private mutating func reply(_ event: NodeFollower.Event) {
        schedule(.toFollower(event), at: now + .microseconds(Int64(500 + chance.next() % 30_000)))
    }

    private mutating func tell(_ event: NodeFollower.Event) {
        switch event {
        case .answered(let id, _, _), .failed(let id, _): open = open.filter { $0.value != id }
        case .start, .message, .messagesLost, .woke, .stop: break
        }
        for action in follower.handle(event, at: now) {
            switch action {
            case .call(let request, let lane):
                precondition(open[lane] == nil, "one question at a time on a lane")
                open[lane] = request.firstID
                calls += request.calls
                schedule(.toNode(request, lane), at: now + .microseconds(Int64(200 + chance.next() % 10_000)))
            case .abandon(let id, let lane):
                precondition(open[lane] == id, "what is abandoned was asked")
                open[lane] = nil
                abandoned.append(lane)
                held.removeAll { $0.firstID == id }
                longPolls.removeAll { $0.request.firstID == id }
            case .subscribe: subscriptions += 1
            case .wake(let at): wakeAt = at
            case .health(let health): healths.append((health, now))
            case .publish(let change): apply(change)
            }
        }
    }

    private mutating func apply(_ change: NodeChange) {
        switch change {
        case .identified, .ownTemplate: break
        case .tip(let next): tips.append(next)
        case .mempool(let change, let tip):
            consumer.apply(change)
            mempoolTip = tip
        case .sigopCosts(let costs): corrections.merge(costs) { $1 }
        }
    }
}
