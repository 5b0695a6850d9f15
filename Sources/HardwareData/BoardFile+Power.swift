import Boards
import Peripherals
import TOMLNodes
import Units

func boardPins(_ table: inout TableReader) throws(ProfileError.Problem) -> [BoardPin] {
    var pins: [BoardPin] = []
    for role in PinRole.allCases where table.has(role.rawValue) {
        pins.append(
            try table.table(role.rawValue) { (pin) throws(ProfileError.Problem) in
                BoardPin(
                    role: role, number: UInt8(try pin.integer("number", in: 0...255)),
                    isActiveHigh: try pin.choice("active", ["low": false, "high": true]))
            })
    }
    return pins
}

/// A list of steps, one small table each: `{ pin, active }`, `{ confirm, active }`, `{ bus_clock_khz }`, `{ wait_ms }`,
/// `{ regulator }`, `{ ask }` or `{ fans_percent }`.
func powerSteps(_ table: inout TableReader, _ key: String) throws(ProfileError.Problem) -> [PowerStep] {
    let path = table.path(of: key)
    let nodes = try table.array(key)
    guard nodes.count <= 64 else {
        throw .outOfBounds(path, value: "\(nodes.count) steps", allowed: "0 to 64 steps", why: .format)
    }
    return try nodes.enumerated().map { (item) throws(ProfileError.Problem) in
        try TableReader.read(item.element, path: "\(path)[\(item.offset)]", powerStep)
    }
}

private func powerStep(_ step: inout TableReader) throws(ProfileError.Problem) -> PowerStep {
    if step.has("pin") { return .drive(try pinRole(&step, "pin"), active: try step.flag("active")) }
    if step.has("confirm") { return .confirm(try pinRole(&step, "confirm"), active: try step.flag("active")) }
    if step.has("bus_clock_khz") {
        return .busClock(Hertz(hertz: UInt64(try step.integer("bus_clock_khz", in: 10...1_000)) * 1000))
    }
    if step.has("wait_ms") { return .settle(.milliseconds(try step.integer("wait_ms", in: 1...10_000))) }
    if step.has("regulator") {
        let word = try step.text("regulator")
        guard let stage = RegulatorStage(rawValue: word) else {
            throw .notOneOf(
                step.path(of: "regulator"), value: word, allowed: RegulatorStage.allCases.map(\.rawValue))
        }
        return .regulator(stage)
    }
    if step.has("ask") { return .ask(try step.text("ask")) }
    if step.has("fans_percent") {
        guard let duty = FanDuty(percent: try step.integer("fans_percent", in: 0...100)) else {
            preconditionFailure("those bounds are a duty's")
        }
        return .fans(duty)
    }
    throw .missingKey(
        step.path,
        expected: "one of: pin, confirm, bus_clock_khz, wait_ms, regulator, ask, fans_percent")
}

private func pinRole(_ step: inout TableReader, _ key: String) throws(ProfileError.Problem) -> PinRole {
    let word = try step.text(key)
    guard let role = PinRole(rawValue: word) else {
        throw .notOneOf(step.path(of: key), value: word, allowed: PinRole.allCases.map(\.rawValue))
    }
    return role
}
