// The rest of the control protocol: analog inputs and the light. Source: boards.md §2.3.
//
// Pages 08 and 09 mean other things in other builds of the firmware (a fan, a reboot): they are for boards whose file says
// what they are, and are never tried out.

/// An input of the control firmware's analog converter.
public enum AnalogInput: UInt8, Hashable, Sendable, CaseIterable {
    /// The firmware's own supply.
    case own = 0x50
    /// The board's input; EmberOne00 only.
    case board = 0x51
}

extension ControlRequest {
    /// Reads an input: `AnalogReading(payload)` takes the answer.
    public static func readInput(_ input: AnalogInput) -> Self {
        Self(page: 0x07, command: input.rawValue, answer: .bytes(count: 2))
    }

    /// Sets the light of an EmberOne00; the firmware answers the colour it set.
    public static func setLight(red: UInt8, green: UInt8, blue: UInt8) -> Self {
        Self(page: 0x08, command: 0x10, data: [red, green, blue], answer: .exactly([red, green, blue]))
    }
}

/// What an analog input reads: steps of the converter, whose scale no source gives, so it is no voltage.
public struct AnalogReading: Hashable, Sendable {
    public let steps: UInt16

    /// - Parameter payload: low byte first.
    /// - Returns: `nil` for another length, and for all ones, which no converter of twelve bits gives.
    public init?(_ payload: [UInt8]) {
        guard payload.count == 2, payload != [0xFF, 0xFF] else { return nil }
        steps = UInt16(payload[0]) | UInt16(payload[1]) << 8
    }
}
