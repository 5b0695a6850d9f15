import Peripherals
import Units

// Fans: by temperature while all is well, at full speed whenever something is not.
extension Supervisor {
    mutating func controlFans(at now: Instant) -> [SupervisorAction] {
        if case .ended = phase { return [] }
        guard !fans.isEmpty else { return [] }
        let (duty, reason) = wantedDuty(at: now)
        if let sent, now - sent.at < timing.dutyAgain, !isWorthSending(duty, after: sent.duty) { return [] }
        sent = (duty, reason, now)
        return fans.indices.map { index in
            let least = max(duty, fans[index].profile.minimumDuty)
            fans[index].told(least, at: now)
            return .setFan(FanID(index), least, reason)
        }
    }

    /// A point more or less is not: a controller of fans must not keep the bus from being read.
    private func isWorthSending(_ duty: FanDuty, after sent: FanDuty) -> Bool {
        duty != sent && (duty == .full || abs(duty.percent - sent.percent) > 2)
    }

    private mutating func wantedDuty(at now: Instant) -> (FanDuty, FanReason) {
        let controlled = controlledDuty(at: now)
        switch phase {
        case .starting, .cutting: return (.full, .powerChange)
        case .cooling: return (.full, .powerChange)
        case .idle, .ended, .paused, .gate, .latched:
            if isOff, now - core.since >= timing.surelyCold { return (.off, .minimum) }
            if case .gate = phase { return (.full, .powerChange) }
        case .running: break
        }
        if let alarm = alarms.first { return (.full, .alarm(alarm)) }
        if let index = fans.firstIndex(where: { $0.kickUntil.map { now < $0 } ?? false }) {
            return (.full, .kick(FanID(index)))
        }
        if let probe { return (.full, .probing(probe.sensor)) }
        return controlled
    }

    /// The most that any spot asks for.
    private mutating func controlledDuty(at now: Instant) -> (FanDuty, FanReason) {
        let floor = profile.fans.map(\.minimumDuty).min() ?? .off
        var most = (duty: Double(floor.percent), reason: FanReason.minimum)
        var isSeen = false
        let isDue = controlledAt.map { now - $0 >= timing.period / 2 } ?? true
        if isDue { controlledAt = now }
        for index in profile.spots.indices {
            guard let (degrees, _) = hottest(SpotID(index)) else { continue }
            isSeen = true
            if isDue { pids[index].update(degrees, floor: Double(floor.percent), at: now) }
            if pids[index].duty > most.duty { most = (pids[index].duty, .control(SpotID(index))) }
        }
        guard isSeen else { return (.full, .blind) }
        return (FanDuty(percent: Int(most.duty.rounded(.up))) ?? .full, most.reason)
    }
}
