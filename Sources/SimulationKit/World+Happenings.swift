import BitcoinPrimitives
import Boards
import Emulator
import LiveTemplates
import MinerCore
import Negotiation
import NodeRPC
import SV2Messages
import SV2Roles
import Scheduling
import TemplateBuilding
import Units

extension World {
    mutating func happen(_ happening: Happening) {
        switch happening {
        case .timer(let timer, let generation):
            if timers[timer] == generation { perform(.woke(timer)) }
        case .controlToBoard(let index, let bytes):
            for output in boards[index].board.receiveControl(bytes, at: now) {
                toHost(index, .controlReceived(output.bytes), at: output.at)
            }
            planDraw(index)
        case .dataToBoard(let index, let bytes):
            send(boards[index].board.receiveData(bytes, at: now), from: index)
            planDraw(index)
        case .draw(let index, let planned):
            guard boards[index].drawsPlanned == planned else { return }
            send(boards[index].board.draw(until: now), from: index)
            planDraw(index)
        case .toHost(let index, let event): perform(.board(BoardIndex(index), event))
        case .hash(let index): hash(index)
        case .opened(let link, let attempt): opened(link, attempt)
        case .toPool(let link, let attempt, let message): deliverToPool(message, link, attempt)
        case .toMiner(let link, let attempt, let message):
            if links[link]?.attempt == attempt { perform(.ladder(.upstream(World.rung, .received(message)))) }
        case .closedAtMiner(let link, let attempt): closedAtMiner(link, attempt)
        case .closedAtPool(let connection):
            connections[connection] = nil
            tell(.closed(connection))
        case .checked(let check, let refusal): tell(.checked(check, refusal: refusal))
        case .submitted(let block):
            if let change = node.submit(block, at: now) {
                tellPool()
                let news: [NodeChange] = [
                    .mempool(change, tip: node.next.previousBlock), .tip(node.next),
                ]
                for change in news {
                    timeline.plan(.templates(.news(change)), at: now + World.templateTime)
                }
            }
        case .templates(let event): inform(event)
        case .makerWoke(let planned): if planned == makerWakes { inform(.woke) }
        case .poolWoke: tell(.woke)
        case .breakConnections: breakConnections()
        }
    }

    /// The only one.
    static let rung = RungIndex(0)

    // MARK: boards

    private mutating func toHost(_ index: Int, _ event: BoardEvent, at instant: Instant) {
        timeline.plan(.toHost(index, event), at: max(instant, now) + WorldBoard.wire)
    }

    private mutating func send(_ outputs: [EmulatedOutput], from index: Int) {
        for output in outputs {
            var bytes = output.bytes
            if isHashing(index), chance.happens(faults.damagedFrames) {
                bytes[Int.random(in: bytes.indices, using: &chance)] ^=
                    1 << UInt8.random(in: 0..<8, using: &chance)
                damagedFrames += 1
            }
            toHost(index, .dataReceived(bytes), at: output.at)
        }
    }

    private func isHashing(_ index: Int) -> Bool {
        if case .hashing = miner.statistics.boards[index].phase { true } else { false }
    }

    /// Light boards say themselves when they have something to report; nothing else happens for them between.
    private mutating func planDraw(_ index: Int) {
        guard let next = boards[index].board.nextDrawAt, next != boards[index].drawAt else { return }
        boards[index].drawAt = next
        boards[index].drawsPlanned += 1
        timeline.plan(.draw(index, boards[index].drawsPlanned), at: max(next, now))
    }

    private mutating func hash(_ index: Int) {
        guard boards[index].board.chain.parameters.search == .ground else { return }
        timeline.plan(.hash(index), at: now + WorldBoard.tick)
        let rate = boards[index].board.hashRate.hashesPerSecond
        boards[index].credit = min(boards[index].credit + rate * WorldBoard.tick.inSeconds, rate)
        guard boards[index].credit >= 1,
            let unit = boards[index].board.nextSearch(budget: UInt64(boards[index].credit))
        else { return }
        boards[index].credit -= Double(unit.hashes)
        send(boards[index].board.finished(unit, hits: Emulator.run(unit), at: now), from: index)
    }

    // MARK: what the miner wants done

    mutating func carryOut(_ action: MinerAction) {
        switch action {
        case .control(let board, let bytes):
            timeline.plan(.controlToBoard(board.number, bytes), at: now + WorldBoard.wire)
        case .data(let board, let bytes):
            timeline.plan(.dataToBoard(board.number, bytes), at: now + WorldBoard.wire)
        case .setBaudRate(let board, let rate):
            boards[board.number].board.setHostBaud(rate)
            toHost(board.number, .baudRate(rate), at: now)
        case .discardData: break  // nothing lies about undelivered in virtual time
        case .processorWork: break  // a world has no hashing threads
        case .upstream(_, .connect(let link)): connect(link)
        case .upstream(_, .disconnect(let link)): disconnect(link)
        case .upstream(_, .send(let message)): send(message)
        case .upstream: preconditionFailure("a world has one rung, of Stratum V2")
        case .wake(let timer, let instant):
            timers[timer, default: 0] += 1
            timeline.plan(.timer(timer, generation: timers[timer, default: 0]), at: max(instant, now))
        case .build(let plan):
            timeline.plan(.templates(.plan(plan)), at: now + World.templateTime)
        case .block(let block): timeline.plan(.submitted(block.wireBytes), at: now + .milliseconds(1))
        case .notice(.shareFound(let share)): found.append(share.hash)
        case .notice(.shareRejected(_, let code)): rejections.append(code)
        case .notice(.shareLost(_, let reason)): losses.append(reason)
        case .notice: break
        }
    }

    // MARK: what the template maker wants done

    /// From news to the template that it leads to.
    private static let templateTime = Duration.milliseconds(30)

    mutating func carryOut(_ action: TemplateMaker.Action) {
        switch action {
        case .publish(let offer): perform(.ladder(.proposal(offer.proposal)))
        case .failed(let fault): preconditionFailure("a world's mempool always makes a template: \(fault)")
        case .warn(let warning): preconditionFailure("a world's node has no template of its own: \(warning)")
        case .policyCost: break  // there are no rules in a world
        case .wake(let instant):
            makerWakes += 1
            timeline.plan(.makerWoke(planned: makerWakes), at: max(instant, now))
        }
    }

    // MARK: the links to the pool

    private mutating func connect(_ link: Link) {
        let attempt = (links[link]?.attempt ?? 0) + 1
        links[link] = WorldLink(attempt: attempt)
        timeline.plan(.opened(link, attempt: attempt), at: now + chance.duration(in: faults.latency))
    }

    private mutating func opened(_ link: Link, _ attempt: UInt64) {
        guard links[link]?.attempt == attempt else { return }
        lastConnection += 1
        let connection = ConnectionID(rawValue: lastConnection)
        connections[connection] = link
        links[link]?.connection = connection
        switch link {
        case .mining: tell(.miningConnected(connection))
        case .jobDeclaration: tell(.declarationConnected(connection))
        }
        perform(.ladder(.upstream(World.rung, .connected(link))))
    }

    private mutating func disconnect(_ link: Link) {
        let old = links[link]?.connection
        links[link] = WorldLink(attempt: (links[link]?.attempt ?? 0) + 1)
        if let old { timeline.plan(.closedAtPool(old), at: now + chance.duration(in: faults.latency)) }
    }

    private mutating func closedAtMiner(_ link: Link, _ attempt: UInt64) {
        guard links[link]?.attempt == attempt else { return }
        links[link] = WorldLink(attempt: attempt + 1)
        perform(.ladder(.upstream(World.rung, .closed(link, "broken"))))
    }

    /// A break loses what is on its way. Both sides learn of it within a tenth of a second, as from a TCP reset: before
    /// the miner can be back. (A pool that does not notice gives the miner another extranonce prefix, and what was not
    /// acknowledged is lost with the old one.)
    private mutating func breakConnections() {
        planBreak()
        for link in Link.allCases where chance.happens(0.6) {
            guard let state = links[link], let connection = state.connection else { continue }
            brokenConnections += 1
            links[link] = WorldLink(attempt: state.attempt + 1)
            let notice = Duration.zero...(.milliseconds(100))
            timeline.plan(.closedAtPool(connection), at: now + chance.duration(in: notice))
            timeline.plan(
                .closedAtMiner(link, attempt: state.attempt + 1), at: now + chance.duration(in: notice))
        }
    }

    private mutating func send(_ message: UpstreamMessage) {
        let link = message.link
        guard var state = links[link], state.connection != nil else { return }
        state.lastToPool = max(now + chance.duration(in: faults.latency), state.lastToPool)
        links[link] = state
        timeline.plan(.toPool(link, attempt: state.attempt, message), at: state.lastToPool)
    }

    private mutating func deliverToPool(_ message: UpstreamMessage, _ link: Link, _ attempt: UInt64) {
        guard let state = links[link], state.attempt == attempt, let connection = state.connection else {
            return
        }
        switch message {
        case .mining(let message): tell(.mining(connection, message))
        case .jobDeclaration(let message): tell(.declaration(connection, message))
        case .baseTemplate, .line: preconditionFailure("a world has one rung, of Stratum V2")
        }
    }

    private mutating func send(_ message: UpstreamMessage, to connection: ConnectionID) {
        guard let link = connections[connection], var state = links[link], state.connection == connection
        else { return }
        state.lastToMiner = max(now + chance.duration(in: faults.latency), state.lastToMiner)
        links[link] = state
        timeline.plan(.toMiner(link, attempt: state.attempt, message), at: state.lastToMiner)
    }

    // MARK: what the pool wants done

    mutating func carryOut(_ action: PoolAction) {
        switch action {
        case .sendMining(let connection, let message): send(.mining(message), to: connection)
        case .sendDeclaration(let connection, let message): send(.jobDeclaration(message), to: connection)
        case .close(let connection, _):
            guard let link = connections.removeValue(forKey: connection), let state = links[link],
                state.connection == connection
            else { return }
            timeline.plan(
                .closedAtMiner(link, attempt: state.attempt), at: now + chance.duration(in: faults.latency))
        case .check(let check, let block):
            timeline.plan(.checked(check, refusal: node.check(block)), at: now + .milliseconds(5))
        case .publish(let block, _): timeline.plan(.submitted(block), at: now + .milliseconds(1))
        case .shareAccepted(_, _, _, let hash, _): accepted.append(hash)
        case .wake(let instant): timeline.plan(.poolWoke, at: max(instant, now))
        case .shareRejected, .declared, .customJobAccepted, .refused, .ignored: break
        }
    }
}
