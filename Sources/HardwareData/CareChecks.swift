import ASICChips
import Boards
import Peripherals
import Units

extension BoardType {
    /// What is wrong with the type as a whole: chips beyond their own limits, limits beyond the chip's, two parts at one
    /// address, and for a board that is driven all that switching on and off needs. Empty where nothing is.
    var problems: [ProfileError.Problem] {
        var found: [ProfileError.Problem] = []
        func note(_ problem: ProfileError.Problem?) {
            if let problem, !found.contains(problem) { found.append(problem) }
        }
        if case .drivable(let profile) = access {
            for check in BoardProfile.Check.allCases { note(profile.problem(check)) }
        }
        for check in Check.allCases { note(problem(check)) }
        return found
    }

    private enum Check: CaseIterable { case population, pins, limits, addresses, names, protection, gate }

    private func problem(_ check: Check) -> ProfileError.Problem? {
        do throws(ProfileError.Problem) {
            switch check {
            case .population: try checkPopulation()
            case .pins: try checkPins()
            case .limits: try checkLimits()
            case .addresses: try checkAddresses()
            case .names: try checkNames()
            case .protection: try checkProtection()
            case .gate: try checkGate()
            }
            return nil
        } catch {
            return error
        }
    }

    private func checkPopulation() throws(ProfileError.Problem) {
        if let domains = chips.domains, chips.chips % domains != 0 {
            throw .unevenDomains(chips: chips.chips, domains: domains)
        }
        guard let facts = chips.facts else { return }
        guard chips.chips <= facts.maximumChips else {
            throw .outOfBounds(
                "chain.chips", value: "\(chips.chips)", allowed: "1 to \(facts.maximumChips)",
                why: .chip(facts.name))
        }
        let bounds = facts.minimumFrequency...facts.maximumFrequency
        if let frequency = chips.frequency, !bounds.contains(frequency) {
            throw .outOfBounds(
                "chain.frequency_mhz", value: "\(frequency.megahertz)", allowed: text(bounds),
                why: .chip(facts.name))
        }
        if let voltage = chips.coreVoltage, let window = facts.coreVoltage {
            let bounds = window.minimum...window.maximum
            guard bounds.contains(voltage) else {
                throw .outOfBounds(
                    "chain.core_millivolts", value: "\(voltage.volts * 1000)", allowed: text(bounds),
                    why: .chip(facts.name))
            }
        }
    }

    private func checkPins() throws(ProfileError.Problem) {
        for (index, pin) in pins.enumerated() {
            if let twin = pins[..<index].first(where: { $0.number == pin.number }) {
                throw .sameValue("pins.\(twin.role.rawValue).number", "pins.\(pin.role.rawValue).number")
            }
        }
    }

    /// Limits inside the chip's and the regulator's, and what the board is set to inside the limits.
    private func checkLimits() throws(ProfileError.Problem) {
        guard let limits = care.limits else { return }
        if let facts = chips.facts {
            let bounds = facts.minimumFrequency...facts.maximumFrequency
            for (key, value) in [
                ("minimum", limits.frequency.lowerBound), ("maximum", limits.frequency.upperBound),
            ] where !bounds.contains(value) {
                throw .outOfBounds(
                    "limits.frequency_\(key)_mhz", value: "\(value.megahertz)", allowed: text(bounds),
                    why: .chip(facts.name))
            }
        }
        if let frequency = chips.frequency, !limits.frequency.contains(frequency) {
            throw .outOfBounds(
                "chain.frequency_mhz", value: "\(frequency.megahertz)", allowed: text(limits.frequency),
                why: .limits)
        }
        guard let range = limits.coreVoltage else {
            guard chips.coreVoltage == nil else {
                throw .goesWith("chain.core_millivolts", "limits.core_maximum_millivolts")
            }
            return
        }
        for (key, value) in [("minimum", range.lowerBound), ("maximum", range.upperBound)] {
            let path = "limits.core_\(key)_millivolts"
            if let facts = chips.facts, let window = facts.coreVoltage,
                !(window.minimum...window.maximum).contains(value)
            {
                throw .outOfBounds(
                    path, value: "\(value.volts * 1000)", allowed: text(window.minimum...window.maximum),
                    why: .chip(facts.name))
            }
            let rail = Volts(microvolts: value.microvolts * Int64(chips.domains ?? 1))
            guard let bounds = supplyBounds, !bounds.contains(rail) else { continue }
            throw .outOfBounds(
                "\(path) × chain.domains", value: "\(rail.volts * 1000)", allowed: text(bounds),
                why: .regulator)
        }
        if let voltage = chips.coreVoltage, !range.contains(voltage) {
            throw .outOfBounds(
                "chain.core_millivolts", value: "\(voltage.volts * 1000)", allowed: text(range), why: .limits)
        }
    }

    private var supplyBounds: ClosedRange<Volts>? {
        switch supply {
        case .tps546(_, let settings): settings.outputBounds
        case .ds4432u(_, _, let bounds): bounds
        case .undriven, .notInFacts: nil
        }
    }

    /// One part at one address, however many sensors and fans are read from it.
    private func checkAddresses() throws(ProfileError.Problem) {
        var used: [(path: String, place: PeripheralPlace)] = []
        switch supply {
        case .tps546(let address, _):
            used.append(("regulator.i2c_address", PeripheralPlace(.tps546, at: address)))
        case .ds4432u(let address, let monitor, _):
            used.append(("regulator.i2c_address", PeripheralPlace(.ds4432u, at: address)))
            used.append(("regulator.monitor_i2c_address", PeripheralPlace(.ina260, at: monitor)))
        case .undriven, .notInFacts: break
        }
        used += care.sensors.enumerated().compactMap { index, sensor in
            sensor.part.place.map { ("sensors[\(index)].i2c_address", $0) }
        }
        used += care.fans.enumerated().map { ("fans[\($0)].i2c_address", $1.part.place) }
        for (index, one) in used.enumerated() {
            let other = used[..<index].first {
                $0.place.address == one.place.address && $0.place.part != one.place.part
            }
            if let other { throw .sameValue(other.path, one.path) }
        }
    }

    private func checkNames() throws(ProfileError.Problem) {
        for (key, names) in [("sensors", care.sensors.map(\.name)), ("fans", care.fans.map(\.name))] {
            for (index, name) in names.enumerated() {
                guard let first = names.firstIndex(of: name), first < index else { continue }
                throw .sameValue("\(key)[\(first)].name", "\(key)[\(index)].name")
            }
        }
        for (index, fan) in care.fans.enumerated() {
            guard let first = care.fans.firstIndex(where: { $0.part == fan.part }), first < index else {
                continue
            }
            throw .sameValue("fans[\(first)].part", "fans[\(index)].part")
        }
    }

    /// A board that is driven has a thermometer, and a trip point for everything that is measured.
    private func checkProtection() throws(ProfileError.Problem) {
        guard case .drivable = access else { return }
        guard !care.sensors.isEmpty else {
            throw .missingKey("sensors", expected: "at least one: no board is driven without a thermometer")
        }
        for (index, sensor) in care.sensors.enumerated() where care.limits?.trip[sensor.measures] == nil {
            throw .missingKey(
                "limits.\(sensor.measures.rawValue)_celsius",
                expected: "the temperature to switch off at, which sensors[\(index)] measures")
        }
        if case .drivable(let profile) = access, profile.chain.domains > 1, profile.regulator != nil {
            guard profile.isToldBySensors else {
                throw .missingKey(
                    "told_by_sensors",
                    expected: "true: a rail for domains in series destroys chips of other boards")
            }
        }
        guard case .tps546(_, let settings) = supply, let trip = care.limits?.trip[.regulator] else { return }
        guard trip < TPS546.overTemperatureFault, settings.inputOff < settings.inputOn,
            settings.inputOn < settings.inputOverVoltage
        else {
            throw .outOfBounds(
                "regulator.input_off_volts", value: "\(settings.inputOff.volts)",
                allowed: "less than input_on_volts, and that less than input_over_volts", why: .regulator)
        }
    }

    /// Nothing is powered before a sensor that works without the chips has answered, and before the fans turn.
    private func checkGate() throws(ProfileError.Problem) {
        guard case .drivable(let profile) = access else { return }
        var (hasAsked, hasCooled) = (false, care.fans.isEmpty)
        for (index, step) in profile.powerOn.enumerated() {
            switch step {
            case .ask(let name):
                guard let sensor = care.sensor(name) else {
                    throw .notOneOf(
                        "power.on[\(index)].ask", value: name, allowed: care.sensors.map(\.name))
                }
                hasAsked = hasAsked || !sensor.part.needsChipPower && sensor.reading != nil
            case .fans(let duty):
                let least = care.fans.map(\.minimum).max() ?? .off
                guard duty >= least else {
                    throw .outOfBounds(
                        "power.on[\(index)].fans_percent", value: "\(duty.percent)",
                        allowed: "\(least.percent) to 100", why: .limits)
                }
                hasCooled = true
            case .drive(.corePower, active: true), .regulator(.enable):
                guard hasAsked else {
                    throw .missingStep(
                        "power.on", step: "{ ask = \"\(coldSensors.first ?? "a sensor")\" }",
                        place:
                            "before power.on[\(index)], which powers the chips; a diode in a chip does not count"
                    )
                }
                guard hasCooled else {
                    throw .missingStep(
                        "power.on", step: "{ fans_percent = 100 }",
                        place: "before power.on[\(index)], which powers the chips")
                }
            case .drive, .confirm, .busClock, .settle, .regulator: continue
            }
        }
    }

    /// Those that may be asked before the chips have power.
    private var coldSensors: [String] {
        care.sensors.filter { !$0.part.needsChipPower && $0.reading != nil }.map(\.name)
    }

    private func text(_ range: ClosedRange<Hertz>) -> String {
        "\(range.lowerBound.megahertz) to \(range.upperBound.megahertz)"
    }

    private func text(_ range: ClosedRange<Volts>) -> String {
        "\(range.lowerBound.volts * 1000) to \(range.upperBound.volts * 1000)"
    }
}

extension BoardProfile {
    fileprivate func problem(_ check: Check) -> ProfileError.Problem? {
        do throws(ProfileError.Problem) {
            try pass(check)
            return nil
        } catch {
            return error
        }
    }
}
