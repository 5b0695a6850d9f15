import Peripherals
import Units

// From off to on and back: what permits power, what takes it away, and what follows.
extension Supervisor {
    private static let hour = Duration.seconds(3_600)

    mutating func decide(at now: Instant) -> [SupervisorAction] {
        advance(to: now)
        var actions = alarmChanges()
        actions += nextPhase(at: now)
        actions += operate(at: now)
        actions += controlFans(at: now)
        return actions
    }

    private mutating func advance(to now: Instant) {
        for index in sensors.indices {
            let id = SensorID(index)
            if isSteady(at: now) { sensors[index].wake(at: now) }
            sensors[index].advance(context(of: id, at: now), to: now)
        }
        for index in fans.indices { fans[index].advance(to: now) }
        supply.advance(to: now)
        restarts.removeAll { now - $0 > Self.hour }
    }

    private mutating func nextPhase(at now: Instant) -> [SupervisorAction] {
        switch phase {
        case .idle, .ended: return []
        case .paused:
            switch wish {
            case .paused: break
            case .run: phase = .gate(nil, after: nil)
            case .shutDown: return end()
            }
            return supply.isLive ? cut(.notPermitted, at: now) : []
        case .gate(let hold, let reason):
            return gate(hold, after: reason, at: now)
        case .starting(let since):
            if let reason = undesired { return cut(reason, at: now) }
            if let reason = danger(at: now) { return trip(reason, at: now) }
            return now - since > timing.powerOn ? trip(.neverOn, at: now) : []
        case .running:
            if let reason = undesired { return cut(reason, at: now) }
            return danger(at: now).map { trip($0, at: now) } ?? []
        case .cutting(let reason, let since, let last, let isLate):
            return cutOn(reason, since: since, last: last, isLate: isLate, at: now)
        case .cooling(let reason, let since):
            if wish == .shutDown { return end() }
            if supply.isLive { return cut(.notPermitted, at: now) }
            guard now - since >= timing.coolDown, hold(at: now, below: \.restart).isCool else { return [] }
            phase = .gate(nil, after: reason)
            return []
        case .latched:
            if wish == .shutDown { return end() }
            return supply.isLive ? cut(.notPermitted, at: now) : []
        }
    }

    private var undesired: CutReason? {
        switch wish {
        case .run: nil
        case .paused: .paused
        case .shutDown: .shutDown
        }
    }

    /// Nobody looks after the fans from here on.
    private mutating func end() -> [SupervisorAction] {
        phase = .ended
        return fans.enumerated().map { .setFan(FanID($0.offset), $0.element.profile.minimumDuty, .minimum) }
            + [.notice(.off(.shutDown))]
    }

    // MARK: on

    private mutating func gate(_ said: GateHold?, after reason: TripReason?, at now: Instant)
        -> [SupervisorAction]
    {
        guard case .run(let wished) = wish else {
            if wish == .shutDown { return end() }
            // A pause does not make a trip undone: what was restarted counts.
            phase = reason == nil ? .paused : .gate(nil, after: reason)
            return []
        }
        if supply.isLive { return cut(.notPermitted, at: now) }
        if let hold = hold(at: now, below: reason == nil ? \.throttle : \.restart) {
            phase = .gate(hold, after: reason)
            let isNew = said.map { !$0.isSame(as: hold) } ?? true
            return (isNew ? [.notice(.holding(hold))] : []) + clearing(hold, at: now)
        }
        if let reason {
            guard restarts.count < timing.restartsPerHour else { return latch(reason) }
            restarts.append(now)
            if reason.wantsSlowerStart { throttle.lower(by: 2, wished: wished, at: now) }
        }
        let point = throttle.effective(wished)
        asked = (point, throttle.cap == nil ? .asWished : .recovering, now)
        phase = .starting(since: now)
        return [
            .notice(.permitted(point, restart: reason == nil ? 0 : restarts.count)), .permitPower(point),
        ]
    }

    /// What speaks against power, sensors first.
    private func hold(at now: Instant, below limit: KeyPath<SpotProfile, Celsius>) -> GateHold? {
        let able = sensors.filter { $0.profile.kind.isBelievedWithoutPower && !$0.profile.watches.isEmpty }
        guard able.contains(where: \.isTrusted) else { return .noSensor(nil) }
        for (index, spot) in profile.spots.enumerated() {
            let id = SpotID(index)
            let watching = able.filter { $0.profile.watches.contains(id) }
            // A spot with diodes alone is watched by the others until they mean something.
            let trusted = (watching.isEmpty ? able : watching).filter(\.isTrusted)
            guard let warmest = trusted.compactMap({ $0.good?.celsius }).max() else { return .noSensor(id) }
            guard warmest < spot[keyPath: limit] else {
                return .tooWarm(id, warmest, limit: spot[keyPath: limit])
            }
        }
        if !fans.isEmpty, !fans.contains(where: \.isTurning) { return .noFanTurns }
        if !supply.isInputGood(at: now) { return .input }
        return supply.fault.map { .supply($0) }
    }

    mutating func powerIsOn(_ power: CorePower, at now: Instant) -> [SupervisorAction] {
        switch phase {
        case .starting:
            if power == .on { phase = .running }
            return []
        case .running, .cutting, .idle, .ended: return []
        case .paused, .gate, .cooling, .latched: return cut(.notPermitted, at: now)
        }
    }

    private mutating func clearing(_ hold: GateHold, at now: Instant) -> [SupervisorAction] {
        guard case .supply(.regulator) = hold, clearedAt.map({ now - $0 >= timing.clearAgain }) ?? true else {
            return []
        }
        clearedAt = now
        return [.clearRegulator]
    }

    // MARK: off

    private mutating func trip(_ reason: TripReason, at now: Instant) -> [SupervisorAction] {
        [.notice(.tripped(reason))] + cut(.trip(reason), at: now)
    }

    mutating func cut(_ reason: CutReason, at now: Instant) -> [SupervisorAction] {
        phase = .cutting(reason, since: now, last: now, isLate: false)
        asked = nil
        probe = nil
        throttle.endProbe()
        guard case .trip = reason else { return [.cutPower(reason)] }
        return [.cutPower(reason), .idleChips(reason)]
    }

    private mutating func cutOn(
        _ reason: CutReason, since: Instant, last: Instant, isLate: Bool, at now: Instant
    ) -> [SupervisorAction] {
        guard now - last >= timing.cutAgain else { return [] }
        let late = now - since >= timing.cutPatience
        phase = .cutting(reason, since: since, last: now, isLate: late)
        var actions = [SupervisorAction.cutPower(reason)]
        if late {
            if !isLate { actions.append(.notice(.powerNotCut(reason, for: now - since))) }
            actions.append(.idleChips(reason))
        }
        return actions
    }

    mutating func powerIsOff(at now: Instant) -> [SupervisorAction] {
        switch phase {
        case .idle, .ended, .paused, .gate, .cooling, .latched: return []
        case .starting, .running:
            // The board has done it by itself, such as in a power cycle; it needs permission again.
            asked = nil
            phase = .gate(nil, after: nil)
            return []
        case .cutting(let reason, _, _, _):
            let off = SupervisorAction.notice(.off(reason))
            switch reason {
            case .unknownState, .notPermitted, .paused: phase = .paused
            case .shutDown: return end()
            case .trip(let reason):
                guard reason.mayRestart, restarts.count < timing.restartsPerHour else {
                    return [off] + latch(reason)
                }
                phase = .cooling(reason, since: now)
            }
            return [off]
        }
    }

    private mutating func latch(_ reason: TripReason) -> [SupervisorAction] {
        phase = .latched(reason)
        return [.notice(.latched(reason, restarts: restarts.count))]
    }
}

extension Optional<GateHold> {
    /// Whatever else may speak against power, it is not warmth.
    fileprivate var isCool: Bool {
        switch self {
        case .tooWarm: false
        case .noSensor, .noFanTurns, .input, .supply, nil: true
        }
    }
}

extension GateHold {
    /// The same thing, though its numbers may differ.
    fileprivate func isSame(as other: GateHold) -> Bool {
        switch (self, other) {
        case (.noSensor(let a), .noSensor(let b)): a == b
        case (.tooWarm(let a, _, _), .tooWarm(let b, _, _)): a == b
        case (.noFanTurns, .noFanTurns), (.input, .input), (.supply, .supply): true
        case (.noSensor, _), (.tooWarm, _), (.noFanTurns, _), (.input, _), (.supply, _): false
        }
    }
}
