import Emulator
import Peripherals
import Supervision
import Units

/// What waits for the bus.
enum BusJob: Sendable {
    case read(ThermalBoardKind.Reading, [PeripheralStep])
    case setFan(FanID, [PeripheralStep])
    case cut
    case powerOn(OperatingPoint)
    case operate(OperatingPoint)
    case clear
}

// The one who holds the bus: readings in rounds, commands before them, power-off before all.
extension ThermalWorld {
    /// A request and its answer over USB and the bus; a port that does not answer takes its deadline.
    private static let transferTime = Duration.milliseconds(2)
    private static let deadline = Duration.seconds(1)

    mutating func planRound() {
        // A round that has not ended is not overtaken by the next: the queue stays as long as one.
        let isBusy = queue.contains { if case .read = $0 { true } else { false } }
        guard !isBusy else { return }
        queue += kind.round.map { .read($0.reading, $0.plan) }
    }

    mutating func plan(_ action: SupervisorAction) {
        switch action {
        case .cutPower:
            releaseAt = nil
            queue.removeAll {
                switch $0 {
                case .cut, .powerOn, .operate, .clear: true
                case .read, .setFan: false
                }
            }
            queue.insert(.cut, at: 0)
        case .idleChips:
            // The chips' own line is another one.
            if let clock { board.clock(megahertz: clock.frequency.megahertz / 10, activity: 0) }
        case .clearRegulator: insert(.clear)
        case .permitPower(let point): insert(.powerOn(point))
        case .operate(let point, _): insert(.operate(point))
        case .setFan(let fan, let duty, _):
            queue.removeAll { if case .setFan(fan, _) = $0 { true } else { false } }
            insert(.setFan(fan, kind.setDuty(duty, of: fan)))
        case .notice, .wake: break
        }
    }

    /// Before the readings, after the commands.
    private mutating func insert(_ job: BusJob) {
        let place = queue.firstIndex { if case .read = $0 { true } else { false } } ?? queue.count
        queue.insert(job, at: place)
    }

    mutating func workBus() {
        while true {
            if let current {
                guard current.until <= now else { return }
                self.current = nil
                for event in current.events { tell(event) }
            }
            guard !queue.isEmpty else { return }
            let (events, time) = carryOut(queue.removeFirst())
            current = (now + time, events)
        }
    }

    private mutating func carryOut(_ job: BusJob) -> ([SupervisorEvent], Duration) {
        var time = Duration.zero
        switch job {
        case .read(let reading, let plan):
            let findings = run(plan, &time)
            return (events(of: reading, findings), time)
        case .setFan(let fan, let plan):
            let isDone = run(plan, &time) != nil
            return ([.fanSet(fan, isDone)], time)
        case .cut:
            let isOff = write([0x01, 0x00], &time) && status(&time).map { $0 & 0x40 != 0 } ?? false
            guard isOff else { return ([], time) }
            board.clock(megahertz: 0, activity: 0)
            clock = nil
            return ([.core(.off)], time)
        case .clear:
            _ = write([0x03], &time)
            return ([], time)
        case .powerOn(let point):
            let isDone =
                write([0x01, 0x00], &time) && write([0x02, 0x1B], &time) && write([0x03], &time)
                && write([0x24] + steps(rail(point).volts * 1.2), &time)
                && write([0x46, 0x1E, 0x00], &time) && write([0x4F, 0x91, 0x00], &time)
                && write([0x21] + steps(rail(point).volts), &time) && write([0x01, 0x80], &time)
            guard isDone else { return ([.core(.rising)], time) }
            releaseAt = (now + time + .milliseconds(700), point)
            return ([.core(.rising)], time)
        case .operate(let point):
            guard let present = clock else { return ([], time) }
            // The clock goes down before the voltage and up after it.
            if point.frequency < present.frequency { setClock(point.frequency, present) }
            guard write([0x21] + steps(rail(point).volts), &time) else { return ([], time) }
            if clock != nil { setClock(point.frequency, point) }
            return ([.applied(point)], time)
        }
    }

    private mutating func setClock(_ frequency: Hertz, _ point: OperatingPoint) {
        clock = OperatingPoint(frequency: frequency, coreVoltage: point.coreVoltage)
        board.clock(megahertz: frequency.megahertz, activity: 1)
    }

    mutating func releaseChips() {
        guard let release = releaseAt, now >= release.at else { return }
        releaseAt = nil
        guard board.isCorePowered else { return }
        setClock(release.point.frequency, release.point)
        tell(.core(.on))
        tell(.applied(release.point))
    }

    private func rail(_ point: OperatingPoint) -> Volts {
        .volts((point.coreVoltage ?? .volts(0)).volts * Double(kind.domains))
    }

    /// ULINEAR16 in steps of 2^-9 V, low byte first.
    private func steps(_ volts: Double) -> [UInt8] {
        let steps = UInt16((volts * 512).rounded())
        return [UInt8(steps & 0xFF), UInt8(steps >> 8)]
    }

    // MARK: transfers

    private mutating func write(_ bytes: [UInt8], _ time: inout Duration) -> Bool {
        transfer(bytes, reading: 0, at: 0x24, &time) != nil
    }

    private mutating func status(_ time: inout Duration) -> UInt16? {
        transfer([0x79], reading: 2, at: 0x24, &time).map { UInt16($0[0]) | UInt16($0[1]) << 8 }
    }

    private mutating func transfer(
        _ bytes: [UInt8], reading count: Int, at address: UInt8, _ time: inout Duration
    ) -> [UInt8]? {
        switch board.transfer(bytes, reading: count, at: address) {
        case .bytes(let answer):
            time += Self.transferTime
            return answer
        case .refused:
            time += Self.transferTime
            return nil
        case .silent:
            time += Self.deadline
            return nil
        }
    }

    /// - Returns: `nil` when the plan failed.
    private mutating func run(_ plan: [PeripheralStep], _ time: inout Duration) -> [Finding]? {
        var run = PeripheralRun(plan)
        var action = run.start()
        while true {
            switch action {
            case .finished(let findings): return findings
            case .failed: return nil
            case .settle(let duration):
                time += duration
                action = run.settled()
            case .transfer(let transfer):
                let before = time
                let (bytes, count): ([UInt8], Int) =
                    switch transfer.operation {
                    case .write(let bytes): (bytes, 0)
                    case .read(let count): ([], count)
                    case .writeRead(let bytes, let count): (bytes, count)
                    }
                if let answer = self.transfer(
                    bytes, reading: count, at: transfer.address.sevenBits, &time)
                {
                    action = run.answered(answer)
                } else if time - before >= Self.deadline {
                    return nil  // nobody tries three times against a dead port
                } else {
                    action = run.refused()
                }
            }
        }
    }

    private mutating func events(of reading: ThermalBoardKind.Reading, _ findings: [Finding]?)
        -> [SupervisorEvent]
    {
        switch (reading, findings?.first) {
        case (.temperature(let sensor), .temperature(let celsius)?): return [.temperature(sensor, celsius)]
        case (.temperature(let sensor), _): return [.temperatureUnreadable(sensor)]
        case (.fanSpeed(let fan), .speed(let speed)?): return [.fanSpeed(fan, speed)]
        case (.fanSpeed(let fan), _): return [.fanSpeedUnreadable(fan)]
        case (.input, .inputVoltage(let volts)?): return [.input(volts)]
        case (.output, .outputVoltage(let volts)?):
            lastOutput = volts.volts
            return [.output(volts)]
        case (.current, .outputCurrent(let amperes)?):
            return [
                .outputCurrent(amperes),
                .power(.watts(lastOutput * amperes.amperes + board.model.parameters.boardWatts)),
            ]
        case (.status, .status(let report)?): return [.regulator(report.word)]
        case (.status, _): return [.regulatorUnreadable]
        case (.input, _), (.output, _), (.current, _): return []
        }
    }
}
