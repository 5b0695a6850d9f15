// What faults say to an operator: a sentence without the board's name, which the caller knows.

import ASICChains
import ASICChips
import Peripherals
import Units

extension BoardFault: CustomStringConvertible {
    public var description: String {
        switch self {
        case .control(let fault, let step): "\(step) was not carried out: \(fault)"
        case .regulator(let fault, let step?): "\(step) found that \(fault)"
        case .regulator(let fault, nil): "\(fault)"
        case .pin(let pin, let active):
            "\(pin) reads \(levelText(pin.level(active: active))), which was not asked for"
        case .noPin(let role): "a power step names the pin \(role.rawValue), which the profile does not have"
        case .noRegulator(let stage):
            "the power step \(stage.rawValue) needs a regulator, which the profile does not have"
        case .noSensor(let name):
            "a power step asks the sensor \"\(name)\", which the profile does not have on its bus"
        case .sensorsLeftOut:
            "only its sensors tell this board from others that its rail would destroy, and they were not to be asked"
        case .peripheral(let fault, let step): "\(step) found that \(fault)"
        case .unsupportedChip(let id):
            "there is no code for a chip with the id 0x\(String(id, radix: 16)); supported: "
                + supportedChipIDs.map { "0x" + String($0, radix: 16) }.joined(separator: ", ")
        case .chain(let fault): "\(fault)"
        case .portLost(let port): "the \(port.rawValue) port was lost"
        case .writeBlocked(let port, let time):
            "the \(port.rawValue) port has taken no byte for \(time.inSeconds) s: the board has stopped reading"
        case .recoveriesExhausted(let cycles, let cause):
            "\(cause), and the board was switched off and on \(cycles) times within an hour"
        case .notSwitchedOff(let cause):
            "the board did not confirm that it was switched off, as it was to be because \(cause)"
        }
    }
}

extension RecoveryCause: CustomStringConvertible {
    public var description: String {
        switch self {
        case .silence(let silence): "\(silence)"
        case .fault(let fault): "\(fault)"
        }
    }
}

extension ControlFault: CustomStringConvertible {
    public var description: String {
        switch self {
        case .silent(let duration): "the control port was silent for \(duration)"
        case .refused(let refusal): "the control firmware answered \(refusal)"
        case .nonsense(let bytes):
            "the control port sent no answer but bytes that begin (hexadecimal) "
                + bytes.map { String($0, radix: 16) }.joined(separator: " ")
        }
    }
}

extension ControlRefusal: CustomStringConvertible {
    public var description: String {
        switch self {
        case .timeout: "\"timeout\""
        case .invalid: "\"invalid\""
        case .overflowOrDenied: "\"overflow or denied\""
        case .fault: "\"fault\""
        case .text(let text): "\"\(text)\""
        }
    }
}

extension BoardStep: CustomStringConvertible {
    public var description: String {
        switch self {
        case .drive(let pin, let active): "setting \(pin) \(levelText(pin.level(active: active)))"
        case .confirm(let pin, _): "reading \(pin)"
        case .busClock(let clock): "setting the I²C clock to \(clock.hertz) Hz"
        case .settle(let duration): "waiting \(duration)"
        case .regulator(let step): "\(step)"
        case .ask(let sensor): "asking the sensor \(sensor.name)"
        case .fan(let fan, let duty): "setting the fan \(fan.name) to \(duty.percent) %"
        }
    }
}

extension BoardPin: CustomStringConvertible {
    public var description: String { "pin \(number) (\(role.rawValue))" }
}

private func levelText(_ isHigh: Bool) -> String { isHigh ? "high" : "low" }
