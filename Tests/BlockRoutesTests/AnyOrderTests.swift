import BitcoinPrimitives
import BlockRoutes
import Testing
import Units

/// Routes, a disk and a chain in virtual time, which do what dice say. The program crashes between any two actions, and
/// starts again with what its disk has.
private struct House {
    struct Sent {
        let hash: Hash256
        let route: BlockRoute
        let attempt: Int
        let until: Instant
    }

    static let routes: [BlockRoute] = [
        .templateProvider(0), .jobDeclarator(0), .pool(0), .node(0), .node(1), .peers,
    ]

    var dice: Dice
    var core = BlockDelivery(nodes: 2, hasPeers: true)
    var now = at(0)
    var wakeAt: Instant?
    /// Blocks in files, and what became of them.
    var disk: [Hash256: (block: MinedBlock, outcome: BlockOutcome?)] = [:]
    var isUp = Set(House.routes)
    var blocks: [MinedBlock] = []
    /// Whom a block has ever been sent to.
    var reached: [Hash256: Set<BlockRoute>] = [:]
    var isPeaceful = false
    // Of this run of the program:
    var open: [Sent] = []
    var late: [Sent] = []
    var final: Set<String> = []
    var loads: [StoredBlock] = []
    var crashes = 0

    init(seed: UInt64) { dice = Dice(state: seed) }

    mutating func tell(_ event: BlockDelivery.Event, crashAfter: Int? = nil) {
        late += open.filter { $0.until <= now }
        late.removeFirst(max(0, late.count - 20))
        open.removeAll { $0.until <= now }
        let actions = core.handle(event, at: now)
        if case .found(let block) = event { check(block, actions) }
        #expect(core.count <= BlockDelivery.maximumBlocks)
        var written: [BlockDelivery.Event] = []
        for (index, action) in actions.enumerated() {
            if index == crashAfter { return crash() }
            if let event = perform(action) { written.append(event) }
        }
        for event in written { tell(event) }
    }

    /// Everything that is open gets the block in this very step, once, and nothing else does.
    private func check(_ block: MinedBlock, _ actions: [BlockDelivery.Action]) {
        let wanted = Set((block.upstreamRoutes + [.node(0), .node(1), .peers]).filter { isUp.contains($0) })
        let sent = actions.compactMap { action -> BlockRoute? in
            if case .send(block, let route, _) = action { route } else { nil }
        }
        #expect(Set(sent) == wanted && sent.count == wanted.count)
        let isWriting = actions.firstIndex(of: .write(block))
        let firstSend = actions.firstIndex { if case .send = $0 { true } else { false } }
        #expect((isWriting ?? .max) < (firstSend ?? .max))
    }

    private mutating func perform(_ action: BlockDelivery.Action) -> BlockDelivery.Event? {
        switch action {
        case .write(let block):
            guard isPeaceful || Bool.random(using: &dice) else {
                return .writeFailed(block.hash, "the disk is full")
            }
            disk[block.hash] = (block, nil)
            return .written(block.hash)
        case .send(let block, let route, let attempt):
            #expect(isUp.contains(route), "nothing goes to a route that is down")
            #expect(!open.contains { $0.hash == block.hash && $0.route == route }, "one attempt at a time")
            #expect(!final.contains("\(block.hash.displayHex) \(route)"), "nothing goes where all was said")
            let until = now + BlockDelivery.answerDeadline
            open.append(Sent(hash: block.hash, route: route, attempt: attempt, until: until))
            reached[block.hash, default: []].insert(route)
        case .settle(let name, let outcome): disk[name.hash]?.outcome = outcome
        case .wake(let at):
            #expect(at > now, "nobody is woken for what is over")
            wakeAt = at
        case .load(let name): loads.append(name)
        case .notice(.setAside(let name)):
            // It begins anew when it comes back.
            open.removeAll { $0.hash == name.hash }
            late.removeAll { $0.hash == name.hash }
            final = final.filter { !$0.hasPrefix(name.hash.displayHex) }
        case .sync, .notice, .alarm: break
        }
        return nil
    }

    private mutating func crash() {
        crashes += 1
        core = BlockDelivery(nodes: 2, hasPeers: true)
        (open, late, final, loads, wakeAt) = ([], [], [], [], nil)
        for route in House.routes where !isUp.contains(route) { tell(.down(route)) }
        tell(.stored(disk.values.filter { $0.outcome == nil }.map(\.block.name)))
    }

    mutating func step(_ number: UInt32) {
        now = now + .milliseconds(Int.random(in: 0...3_000, using: &dice))
        let crashAfter = Int.random(in: 0..<20, using: &dice) == 0 ? Int.random(in: 0..<9, using: &dice) : nil
        if let wakeAt, wakeAt <= now {
            self.wakeAt = nil
            tell(.woke, crashAfter: crashAfter)
        }
        switch Int.random(in: 0..<10, using: &dice) {
        case 0:
            let upstream: [BlockRoute] = [.templateProvider(0), .jobDeclarator(0), .pool(0)]
            // Never so high that others are buried.
            blocks.append(block(number, height: 100 + number / 75, upstream: upstream))
            tell(.found(blocks[blocks.count - 1]), crashAfter: crashAfter)
        case 1, 2:
            guard let route = House.routes.randomElement(using: &dice) else { return }
            if isUp.remove(route) != nil {
                open.removeAll { $0.route == route }
                tell(.down(route), crashAfter: crashAfter)
            } else {
                isUp.insert(route)
                // Said twice now and then.
                if Bool.random(using: &dice) { tell(.up(route, remembers: true)) }
                tell(.up(route, remembers: Bool.random(using: &dice)), crashAfter: crashAfter)
            }
        case 3...7: answerOne(crashAfter)
        case 8: loadOne(crashAfter)
        default:
            guard let tip = blocks.randomElement(using: &dice) else { return }
            let chain = ChainTip(hash: tip.hash, height: tip.height)
            tell(.tip(.node(Int.random(in: 0..<2, using: &dice)), chain), crashAfter: crashAfter)
        }
    }

    private mutating func answerOne(_ crashAfter: Int?) {
        let isLate = !late.isEmpty && Int.random(in: 0..<4, using: &dice) == 0
        guard !open.isEmpty || isLate else { return }
        let sent =
            isLate
            ? late.remove(at: Int.random(in: late.indices, using: &dice))
            : open.remove(at: Int.random(in: open.indices, using: &dice))
        let answers: [BlockAnswer] =
            isPeaceful
            ? [.accepted, .duplicate]
            : [.accepted, .duplicate, .stale, .refused("no"), .failed("no"), .parentUnknown, .failed("x")]
        let answer = answers[Int.random(in: answers.indices, using: &dice)]
        switch answer {
        case .accepted, .duplicate, .stale, .refused:
            final.insert("\(sent.hash.displayHex) \(sent.route)")
            open.removeAll { $0.hash == sent.hash && $0.route == sent.route }
        case .sent, .failed, .parentUnknown, .unanswered: break
        }
        tell(.answered(sent.hash, sent.route, attempt: sent.attempt, answer), crashAfter: crashAfter)
    }

    private mutating func loadOne(_ crashAfter: Int?) {
        guard !loads.isEmpty else { return }
        let name = loads.removeFirst()
        tell(.loaded(name, disk[name.hash]?.block), crashAfter: crashAfter)
    }

    /// Everything is up and answers, until nothing is left to do.
    mutating func makePeace() {
        isPeaceful = true
        for route in House.routes where isUp.insert(route).inserted { tell(.up(route, remembers: true)) }
        for _ in 0..<2_000 {
            while !open.isEmpty { answerOne(nil) }
            while !loads.isEmpty { loadOne(nil) }
            guard core.count > 0, let wake = wakeAt else { break }
            now = max(now, wake)
            wakeAt = nil
            tell(.woke)
        }
    }
}

@Suite struct AnyOrderTests {
    @Test(arguments: 1...60)
    func `whatever happens in whatever order, open routes get a block at once, and no written block is lost`(
        seed: UInt64
    ) {
        var house = House(seed: seed)
        for number in 0..<UInt32(300) { house.step(number) }
        house.makePeace()
        #expect(house.core.count == 0 && house.open.isEmpty && house.loads.isEmpty, "seed \(seed)")
        for (hash, file) in house.disk {
            switch file.outcome {
            case .confirmed, .replaced: break  // it may have left memory before every route came back
            case .delivered, .unconfirmed:
                #expect(
                    house.reached[hash]?.isSuperset(of: [.node(0), .node(1), .peers]) ?? false, "seed \(seed)"
                )
            case nil: Issue.record("a file is left unsettled, seed \(seed)")
            }
        }
    }

    @Test func `the worlds of the test above crash and find blocks`() {
        let houses = (UInt64(1)...20).map { seed in
            var house = House(seed: seed)
            for number in 0..<UInt32(300) { house.step(number) }
            return house
        }
        #expect(houses.reduce(0) { $0 + $1.crashes } > 50)
        #expect(houses.reduce(0) { $0 + $1.blocks.count } > 400)
    }
}
