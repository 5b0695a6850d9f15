import BitcoinPrimitives
import Units

extension BlockDelivery {
    /// One route of one block.
    struct Lane: Sendable {
        enum State: Sendable {
            /// The route is down, or nothing was tried yet.
            case closed
            case underWay(until: Instant)
            case waiting(until: Instant)
            case done
            /// The other side knows nothing of the job any more.
            case forgotten
            case givenUp
        }

        let route: BlockRoute
        var attempts = 0
        var state = State.closed
        /// The last one.
        var answer: BlockAnswer?

        init(route: BlockRoute) { self.route = route }

        var isUnderWay: Bool {
            switch state {
            case .underWay: true
            case .closed, .waiting, .done, .forgotten, .givenUp: false
            }
        }

        var deadline: Instant? {
            switch state {
            case .underWay(let until), .waiting(let until): until
            case .closed, .done, .forgotten, .givenUp: nil
            }
        }
    }

    /// Sends the block there unless the route is down.
    mutating func send(_ i: Int, _ lane: Int, at now: Instant, _ actions: inout [Action]) {
        let route = entries[i].lanes[lane].route
        guard !down.contains(route) else {
            entries[i].lanes[lane].state = .closed
            return
        }
        guard entries[i].lanes[lane].attempts < Self.maximumAttempts else {
            entries[i].lanes[lane].state = .givenUp
            return
        }
        entries[i].lanes[lane].attempts += 1
        entries[i].lanes[lane].state = .underWay(until: now + Self.answerDeadline)
        actions.append(.send(entries[i].block, route, attempt: entries[i].lanes[lane].attempts))
    }

    mutating func answered(
        _ hash: Hash256, _ route: BlockRoute, _ attempt: Int, _ answer: BlockAnswer, at now: Instant,
        _ actions: inout [Action]
    ) {
        guard let i = index(of: hash), let lane = entries[i].lanes.firstIndex(where: { $0.route == route })
        else {
            return  // settled meanwhile
        }
        switch entries[i].lanes[lane].state {
        case .done:
            // Who said nothing at first may still say something.
            guard entries[i].lanes[lane].answer == .sent, answer.isFinal, answer != .sent else { return }
            entries[i].lanes[lane].answer = answer
        case .underWay, .waiting, .closed, .forgotten, .givenUp:
            if answer.isFinal {
                entries[i].lanes[lane].state = .done
                entries[i].lanes[lane].answer = answer
            } else if entries[i].lanes[lane].isUnderWay, attempt == entries[i].lanes[lane].attempts {
                entries[i].lanes[lane].answer = answer
                entries[i].lanes[lane].state = .waiting(until: now + Self.wait(afterAttempt: attempt))
            } else {
                return  // of an attempt that was given up
            }
        }
        actions.append(.notice(.answered(hash, route, answer)))
    }

    mutating func passTime(_ i: Int, _ lane: Int, to now: Instant, _ actions: inout [Action]) {
        switch entries[i].lanes[lane].state {
        case .underWay(let until) where until <= now:
            let route = entries[i].lanes[lane].route
            // A share or solution that left is not sent twice: nobody answers some of them.
            let answer = route.isOfJob ? BlockAnswer.sent : .unanswered(Self.answerDeadline)
            answered(
                entries[i].block.hash, route, entries[i].lanes[lane].attempts, answer, at: now, &actions)
        case .waiting(let until) where until <= now: send(i, lane, at: now, &actions)
        case .underWay, .waiting, .closed, .done, .forgotten, .givenUp: break
        }
    }

    mutating func wentAway(_ route: BlockRoute) {
        down.insert(route)
        for i in entries.indices {
            for lane in entries[i].lanes.indices where entries[i].lanes[lane].route == route {
                switch entries[i].lanes[lane].state {
                case .underWay, .waiting: entries[i].lanes[lane].state = .closed
                case .closed, .done, .forgotten, .givenUp: break
                }
            }
        }
    }

    mutating func cameBack(
        _ route: BlockRoute, _ remembers: Bool, at now: Instant, _ actions: inout [Action]
    ) {
        down.remove(route)
        let hasForgotten = route.isOfJob && !remembers
        // The newest first: it matters most.
        for i in entries.indices.reversed() {
            for lane in entries[i].lanes.indices where entries[i].lanes[lane].route == route {
                switch entries[i].lanes[lane].state {
                case .underWay where hasForgotten, .waiting where hasForgotten, .closed where hasForgotten:
                    entries[i].lanes[lane].state = .forgotten
                case .closed, .waiting: send(i, lane, at: now, &actions)
                case .underWay, .done, .forgotten, .givenUp: break
                }
            }
        }
    }

    /// Asks a node again that did not know the parent, now that its chain has changed.
    mutating func sendAgain(afterTipOf route: BlockRoute, at now: Instant, _ actions: inout [Action]) {
        for i in entries.indices {
            for lane in entries[i].lanes.indices where entries[i].lanes[lane].route == route {
                switch (entries[i].lanes[lane].state, entries[i].lanes[lane].answer) {
                case (.waiting, .parentUnknown): send(i, lane, at: now, &actions)
                case (.waiting, _), (.closed, _), (.underWay, _), (.done, _), (.forgotten, _), (.givenUp, _):
                    break
                }
            }
        }
    }
}
