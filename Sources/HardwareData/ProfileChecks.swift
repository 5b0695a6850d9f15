import ASICChips
import Boards
import Peripherals
import Units

extension BoardProfile {
    /// What is looked at, the most telling first.
    enum Check: CaseIterable { case chain, voltage, identity, powerOff, powerOn, powerOffSteps, powerOnSteps }

    /// Whether the profile is possible, and switches off what it switches on.
    func pass(_ check: Check) throws(ProfileError.Problem) {
        switch check {
        case .chain: try checkChain()
        case .voltage: try checkVoltage()
        case .identity: try checkIdentity()
        case .powerOff: try checkPowerOff()
        case .powerOn: try checkPowerOn()
        case .powerOffSteps: try checkExpands(powerOff, "power.off")
        case .powerOnSteps: try checkExpands(powerOn, "power.on")
        }
    }

    private func checkExpands(_ list: [PowerStep], _ key: String) throws(ProfileError.Problem) {
        do throws(BoardFault) { _ = try expand(list) } catch { throw .impossible(error, list: key) }
    }

    private func checkChain() throws(ProfileError.Problem) {
        let facts = chain.chip
        try check(
            "chain.chips", chain.chips, 1...facts.maximumChips, by: .chip(facts.name), text: { "\($0)" })
        try check(
            "chain.frequency_mhz", chain.frequency, facts.minimumFrequency...facts.maximumFrequency,
            by: .chip(facts.name), text: { "\($0.megahertz)" })
        guard chain.chips % chain.domains == 0 else {
            throw .unevenDomains(chips: chain.chips, domains: chain.domains)
        }
        let model = chipModel(for: facts)
        guard model?.layout(chips: chain.chips, rule: chain.addressRule, domains: chain.domains) != nil else {
            throw .addressesExhausted(chips: chain.chips)
        }
        let rates = [BaudStep.reset.host] + (model?.baudSteps.map(\.host) ?? [])
        guard rates.contains(chain.baud) else {
            throw .notOneOf(
                "chain.baud", value: "\(chain.baud.symbolsPerSecond)",
                allowed: rates.sorted().map { "\($0.symbolsPerSecond)" })
        }
    }

    /// A core voltage needs a regulator that sets it, a chip that says what it stands, and room in both.
    private func checkVoltage() throws(ProfileError.Problem) {
        guard let regulator, let voltage = chain.coreVoltage, let rail = chain.rail else {
            guard regulator == nil, chain.coreVoltage == nil else {
                throw .goesWith("chain.core_millivolts", "regulator")
            }
            return
        }
        guard let window = chain.chip.coreVoltage else {
            throw .missingKey(
                "core_millivolts in the file of the chip \(chain.chip.name)",
                expected: "minimum, default and maximum, before a board may set a core voltage")
        }
        try check(
            "chain.core_millivolts", voltage, window.minimum...window.maximum, by: .chip(chain.chip.name),
            text: { "\($0.volts * 1000)" })
        switch regulator {
        case .tps546(_, let settings):
            try check(
                "chain.core_millivolts × chain.domains", rail, settings.outputBounds, by: .regulator,
                text: { "\($0.volts * 1000)" })
            try checkEncodable()
        }
    }

    /// Every value of the regulator's plans fits its number format, taken as the part's usual one (VOUT_MODE 0x17).
    private func checkEncodable() throws(ProfileError.Problem) {
        guard case .tps546(let address, let settings) = regulator, let rail = chain.rail else { return }
        var part = TPS546(address: address, settings: settings)
        do throws(RegulatorFault) {
            _ = try part.accept([0x17], for: .readOutputFormat)
            for step in try part.configuration(rail: rail) { _ = try part.transfer(for: step) }
        } catch {
            throw .impossible(.regulator(error, at: nil), list: "regulator")
        }
    }

    private func checkIdentity() throws(ProfileError.Problem) {
        guard usb.controlInterface != usb.dataInterface else {
            throw .sameValue("usb.control_interface", "usb.data_interface")
        }
        guard pin(.reset) != nil else {
            throw .missingKey("pins.reset", expected: "the pin that resets the chips")
        }
    }

    /// Power-off commands everything that can be switched, confirms it, and does nothing else.
    private func checkPowerOff() throws(ProfileError.Problem) {
        for role in pins.map(\.role) {
            try require(.drive(role, active: role == .reset), in: powerOff, "power.off", "somewhere")
            try require(.confirm(role, active: role == .reset), in: powerOff, "power.off", "at its end")
        }
        if regulator != nil {
            try require(.regulator(.disable), in: powerOff, "power.off", "somewhere")
            try require(.regulator(.confirmOff), in: powerOff, "power.off", "at its end")
        }
        var confirming = false
        for (index, step) in powerOff.enumerated() {
            let why: String?
            switch step {
            case .drive(let role, let active) where active != (role == .reset):
                why = "power-off switches nothing on"
            case .confirm(let role, let active) where active != (role == .reset):
                why = "this is not the safe state"
            case .drive, .regulator(.disable):
                why = confirming ? "commands come before what confirms them" : nil
            case .confirm, .regulator(.confirmOff):
                confirming = true
                why = nil
            case .fans(let duty):
                why =
                    duty == .full ? nil : "power-off leaves the fans to whoever watches the board, or at full"
            case .settle, .busClock, .regulator(.prepare), .regulator(.configure), .regulator(.enable),
                .regulator(.check), .ask:
                why = "power-off neither waits nor asks nor sets anything up"
            }
            if let why { throw .unwantedStep("power.off[\(index)]", why: why) }
        }
    }

    /// Power-on begins with the chips in reset, which it releases last, and takes the regulator's stages in order.
    private func checkPowerOn() throws(ProfileError.Problem) {
        guard powerOn.first == .drive(.reset, active: true) else {
            throw .missingStep(
                "power.on", step: text(.drive(.reset, active: true)), place: "at its beginning")
        }
        let drives = powerOn.filter { if case .drive = $0 { true } else { false } }
        guard drives.last == .drive(.reset, active: false) else {
            throw .missingStep(
                "power.on", step: text(.drive(.reset, active: false)),
                place: "after everything that it switches")
        }
        guard let release = powerOn.firstIndex(of: .drive(.reset, active: false)) else { return }
        var stages = powerOn[..<release].compactMap { step -> RegulatorStage? in
            if case .regulator(let stage) = step { stage } else { nil }
        }[...]
        for stage in [.prepare, .configure, .enable, .check] as [RegulatorStage] where regulator != nil {
            guard stages.popFirst() == stage else {
                throw .missingStep(
                    "power.on", step: text(.regulator(stage)),
                    place: "once, before reset is released: prepare, configure, enable, check")
            }
        }
    }

    private func require(_ step: PowerStep, in list: [PowerStep], _ key: String, _ place: String)
        throws(ProfileError.Problem)
    {
        guard list.contains(step) else { throw .missingStep(key, step: text(step), place: place) }
    }

    private func check<Value: Comparable>(
        _ path: String, _ value: Value, _ bounds: ClosedRange<Value>, by limit: ProfileError.Limit,
        text: (Value) -> String
    ) throws(ProfileError.Problem) {
        guard bounds.contains(value) else {
            throw .outOfBounds(
                path, value: text(value), allowed: "\(text(bounds.lowerBound)) to \(text(bounds.upperBound))",
                why: limit)
        }
    }

    /// As one writes it in the file.
    private func text(_ step: PowerStep) -> String {
        switch step {
        case .drive(let role, let active): "{ pin = \"\(role.rawValue)\", active = \(active) }"
        case .confirm(let role, let active): "{ confirm = \"\(role.rawValue)\", active = \(active) }"
        case .busClock(let clock): "{ bus_clock_khz = \(clock.hertz / 1000) }"
        case .settle(let duration): "{ wait_ms = \(duration.wholeNanoseconds / 1_000_000) }"
        case .ask(let name): "{ ask = \"\(name)\" }"
        case .fans(let duty): "{ fans_percent = \(duty.percent) }"
        case .regulator(let stage): "{ regulator = \"\(stage.rawValue)\" }"
        }
    }
}
