// What a chain's faults and findings say to an operator: a sentence without the board's name, which the caller knows.

import ASICChips
import Units

extension ChainFault: CustomStringConvertible {
    public var description: String {
        switch self {
        case .addressesExhausted(let chips, let maximum, let reason):
            return "\(chips) chips cannot be addressed on one chain; 1 to \(maximum) can"
                + (reason.isEmpty ? "" : " (\(reason))")
        case .unevenDomains(let chips, let domains):
            return "\(chips) chips do not share out evenly among \(domains) voltage domains"
        case .frequency(let wanted, let allowed):
            return "\(wanted.megahertz) MHz is outside the chip's limits of "
                + "\(allowed.lowerBound.megahertz) to \(allowed.upperBound.megahertz) MHz"
        case .noClockSetting(let wanted):
            return "the chip's clock dividers do not give \(wanted.megahertz) MHz"
        case .baudRateUnsupported(let wanted, let supported):
            let list = supported.map { "\($0.symbolsPerSecond)" }.joined(separator: ", ")
            return "no known register value sets the chips to \(wanted.symbolsPerSecond) baud; known: \(list)"
        case .noChips(let expected, 0): return "no chip answered; \(expected) expected"
        case .noChips(let expected, let bytes):
            return "no chip was recognised in \(bytes) bytes of noise; \(expected) expected"
        case .chipCount(let count, let expected): return "\(count) chips answered; \(expected) expected"
        case .unsupportedChip(let id, let expected, let supported):
            let known = supported.contains(id) ? "" : ", which no code here knows"
            return "a chip says it is a \(chipText(id))\(known); the board has "
                + expected.map(chipText).joined(separator: " or ")
                + "; supported: " + supported.map(chipText).joined(separator: ", ")
        case .baudRateMismatch(let asked, let actual, let chips):
            return "the port was set to \(asked.symbolsPerSecond) baud and runs at "
                + "\(actual.symbolsPerSecond); the chips run at \(chips.symbolsPerSecond)"
        case .baudRateNotReported(let wanted):
            return "the port did not confirm \(wanted.symbolsPerSecond) baud"
        case .chipsMissing(let addresses, let baud):
            let list = addresses.map { String($0, radix: 16) }.joined(separator: " ")
            return "no answer at \(baud.symbolsPerSecond) baud from the chips at (hexadecimal) \(list)"
        case .clockNotConfirmed(let address, let frequency, _, nil):
            return
                "the chip at (hexadecimal) \(String(address, radix: 16)) no longer answered when its clock "
                + "was set to \(frequency.megahertz) MHz"
        case .clockNotConfirmed(let address, let frequency, let wrote, let read?):
            return "the chip at (hexadecimal) \(String(address, radix: 16)) has its clock at "
                + "\(String(read, radix: 16)), not at \(String(wrote, radix: 16)) "
                + "(\(frequency.megahertz) MHz, locked)"
        case .silent(let silence): return "\(silence), and every recovery was tried"
        }
    }
}

extension Silence: CustomStringConvertible {
    public var description: String {
        let who =
            switch chips {
            case nil: "no chip reports"
            case let list? where list.count == 1: "chip \(list[0]) does not report"
            case let list?: "chips \(list.map { "\($0)" }.joined(separator: ", ")) do not report"
            }
        return "\(who): nothing for \(seconds(duration)), expected every \(seconds(expectedEvery))"
    }
}

extension SilenceResponse: CustomStringConvertible {
    public var description: String {
        switch self {
        case .sendWorkAgain: "work is sent again"
        case .recover(let recovery): "\(recovery)"
        case .goOnWithout: "everything was tried; the others go on"
        case .giveUp: "everything was tried"
        }
    }
}

extension Recovery: CustomStringConvertible {
    public var description: String {
        switch self {
        case .reinitialise: "the chips are reset and brought up again"
        case .powerCycle: "the board is switched off and on again"
        }
    }
}

extension WorkRefusal: CustomStringConvertible {
    public var description: String {
        switch self {
        case .comingUp: "the chain is not up yet"
        case .goingDown: "the chain is going down"
        case .ended(nil): "the chain has ended"
        case .ended(let fault?): "the chain has ended: \(fault)"
        }
    }
}

extension RetuneRefusal: CustomStringConvertible {
    public var description: String {
        switch self {
        case .notAtWork: "the chain is not at work"
        case .fault(let fault): "\(fault)"
        }
    }
}

/// To a tenth of a second, or a hundredth where there is less than one.
private func seconds(_ duration: Duration) -> String {
    let steps = duration < .seconds(1) ? 100.0 : 10
    return "\((duration.inSeconds * steps).rounded() / steps) s"
}

private func chipText(_ id: UInt16) -> String { "BM" + String(id, radix: 16) }
