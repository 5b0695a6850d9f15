import Peripherals
import Units

// What readings mean together: danger, alarms, and how fast chips may run.
extension Supervisor {
    /// What takes the power away, worst first; `nil` while nothing does.
    func danger(at now: Instant) -> TripReason? {
        for (index, sensor) in sensors.enumerated() {
            guard let spot = sensor.hotSpot, let good = sensor.good else { continue }
            let estimate = Celsius.degrees(good.celsius.degrees + sensor.profile.offset)
            return .tooHot(spot, estimate, limit: profile.spots[spot.index].trip, by: SensorID(index))
        }
        for index in profile.spots.indices where isBlind(SpotID(index), at: now) {
            return .blind(SpotID(index), distrust(of: SpotID(index)))
        }
        if let fault = supply.fault { return .supply(fault) }
        if let index = fans.firstIndex(where: \.isNotSettable) { return .fanNotSettable(FanID(index)) }
        if !fans.isEmpty, fans.allSatisfy(\.isStopped) { return .fansStopped }
        return nil
    }

    /// Nobody who is believed watches the spot. A sensor in a chip that was just switched on has a moment to prove
    /// itself, while another sensor of the board is believed.
    private func isBlind(_ spot: SpotID, at now: Instant) -> Bool {
        let watching = sensors.filter { $0.profile.watches.contains(spot) }
        if watching.contains(where: \.isTrusted) { return false }
        let isNew = watching.contains { $0.trust == .unproven || $0.isResting }
        let patience = timing.diodeSettling + timing.period * (timing.alarmReadings + 1)
        let isEarly = core.power != .on || now - core.since < patience
        return !(isNew && isEarly && sensors.contains(where: \.isTrusted))
    }

    private func distrust(of spot: SpotID) -> [TripReason.Distrust] {
        sensors.enumerated().filter { $0.element.profile.watches.contains(spot) }.map { index, sensor in
            var flaw: SensorFlaw?
            if case .suspect(let found) = sensor.trust { flaw = found }
            return TripReason.Distrust(sensor: SensorID(index), flaw: flaw)
        }
    }

    /// The hottest estimate by a sensor that is believed.
    func hottest(_ spot: SpotID) -> (degrees: Double, sensor: SensorID)? {
        var best: (degrees: Double, sensor: SensorID)?
        for (index, sensor) in sensors.enumerated()
        where sensor.isTrusted && sensor.profile.watches.contains(spot) {
            guard let good = sensor.good else { continue }
            let degrees = good.celsius.degrees + (isOff ? 0 : sensor.profile.offset)
            if degrees > best?.degrees ?? -1_000 { best = (degrees, SensorID(index)) }
        }
        return best
    }

    // MARK: alarms

    mutating func alarmChanges() -> [SupervisorAction] {
        var present: [Alarm] = []
        for (index, sensor) in sensors.enumerated() {
            if case .suspect(let flaw) = sensor.trust { present.append(.sensor(SensorID(index), flaw)) }
        }
        for (index, fan) in fans.enumerated() {
            if let flaw = fan.flaw { present.append(.fan(FanID(index), flaw)) }
        }
        if let fault = supply.fault { present.append(.supply(fault)) }
        let gone = alarms.filter { alarm in !present.contains { $0.isSame(as: alarm) } }
        let new = present.filter { alarm in !alarms.contains { $0.isSame(as: alarm) } }
        alarms = present
        return gone.map { .notice(.cleared($0)) } + new.map { .notice(.raised($0)) }
    }

    // MARK: speed of chips

    mutating func operate(at now: Instant) -> [SupervisorAction] {
        guard case .running = phase, let wished else { return [] }
        lookAtStillSensors(at: now)
        let (demand, reason) = throttleDemand(at: now)
        throttle.consider(demand, wished: wished, at: now)
        if let reason, throttle.cap != nil { slowReason = reason }
        let point = throttle.effective(wished)
        let why: OperatingReason
        if throttle.cap == nil { slowReason = nil }
        if let probe, throttle.probeCap != nil {
            why = .slowed(.probing(probe.sensor))
        } else if throttle.cap == nil {
            why = .asWished
        } else {
            why = slowReason.flatMap { demand == .more ? nil : .slowed($0) } ?? .recovering
        }
        if let asked, asked.point == point {
            // What was asked for and has not come about is asked for again.
            guard let applied, applied != point, now - asked.at >= timing.operateAgain else { return [] }
        }
        self.asked = (point, why, now)
        return [.operate(point, why)]
    }

    private func throttleDemand(at now: Instant) -> (Throttle.Demand, SlowReason?) {
        if let fan = fans.firstIndex(where: \.isStopped) { return (.least, .fanStopped(FanID(fan))) }
        var isCool = true
        for (index, spot) in profile.spots.enumerated() {
            guard let (degrees, _) = hottest(SpotID(index)) else { continue }
            let reason = SlowReason.warm(SpotID(index), .degrees(degrees))
            if degrees >= (spot.throttle.degrees + spot.trip.degrees) / 2 { return (.less(steps: 2), reason) }
            if degrees >= spot.throttle.degrees { return (.less(steps: 1), reason) }
            if degrees > spot.throttle.degrees - timing.hysteresis { isCool = false }
        }
        if supply.wantsLess { return (.less(steps: 1), .supply) }
        return (isCool && probe == nil ? .more : .hold, nil)
    }

    /// A spot none of whose sensors moves may have nobody watching it: the air stream changes, or where it cannot, the
    /// load, and whoever still does not move is stuck.
    private mutating func lookAtStillSensors(at now: Instant) {
        if let current = probe {
            let sensor = sensors[current.sensor.index]
            if !sensor.isTrusted || !sensor.isStill(at: now) {
                probe = nil
                throttle.endProbe()
            }
            return
        }
        for index in profile.spots.indices {
            let watching = sensors.enumerated().filter {
                $0.element.isTrusted && $0.element.profile.watches.contains(SpotID(index))
            }
            guard let first = watching.first, watching.allSatisfy({ $0.element.isStill(at: now) }) else {
                continue
            }
            let sensor = SensorID(first.offset)
            let isWindy = fans.isEmpty || sent.map { $0.duty.percent > 66 } ?? true
            if isWindy {
                guard let wished, loadProbedAt.map({ now - $0 >= timing.probeLoadAgain }) ?? true else {
                    continue
                }
                loadProbedAt = now
                throttle.probe(wished: wished)
            }
            probe = (sensor, now)
            return
        }
    }
}
