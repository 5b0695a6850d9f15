import SV2Messages
public import SV2Codec

/// Who we say we are when a connection is set up. Source: SV2 section 3.6.1, sv2-notes §4.1.
public struct ClientIdentity: Hashable, Sendable {
    /// The host and port that were dialed.
    public var endpointHost: WireText
    public var endpointPort: UInt16
    /// Must not be empty.
    public var vendor: WireText
    public var hardwareVersion: WireText
    public var firmware: WireText
    /// Empty unless the operator agreed to be identified.
    public var deviceId: WireText

    public init(
        endpointHost: WireText, endpointPort: UInt16, vendor: WireText, hardwareVersion: WireText,
        firmware: WireText, deviceId: WireText = ""
    ) {
        self.endpointHost = endpointHost
        self.endpointPort = endpointPort
        self.vendor = vendor
        self.hardwareVersion = hardwareVersion
        self.firmware = firmware
        self.deviceId = deviceId
    }

    /// The first message of a connection; version 2 is the only one spoken.
    func setupConnection(protocol number: UInt8, flags: UInt32) -> SetupConnection {
        SetupConnection(
            protocol: number, minVersion: protocolVersion, maxVersion: protocolVersion, flags: flags,
            endpointHost: endpointHost, endpointPort: endpointPort, vendor: vendor,
            hardwareVersion: hardwareVersion, firmware: firmware, deviceId: deviceId)
    }
}

/// The only version of the protocol there is.
let protocolVersion: UInt16 = 2

/// Counts messages that a client had no use for; the first of each name is worth a line in a log.
struct IgnoredMessages: Hashable, Sendable {
    private var countByName: [String: Int] = [:]  // bounded by the number of messages in the specification

    var total: Int { countByName.values.reduce(0, +) }

    /// Returns whether this is the first of its name.
    mutating func count(_ name: String) -> Bool {
        countByName[name, default: 0] += 1
        return countByName[name] == 1
    }
}

extension LinkMessage {
    /// The specification's name of the message.
    var name: String { type(of: message).name }
}
