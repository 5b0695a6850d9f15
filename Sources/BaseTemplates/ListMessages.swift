public import SV2Codec

// How a list is asked for, sent and acknowledged. Source: docs/base-template-extension.md, "Messages".

/// From the client: the whole list, and every change after it.
public struct RequestBaseTemplate: BaseTemplatePayload {
    public static let name = "RequestBaseTemplate"
    public static let msgType: UInt8 = 0x00

    /// Why a list is asked for: for the server's statistics. Receivers take values that they do not know.
    public enum Reason: UInt8, CaseIterable, Sendable {
        case first = 0
        /// A number was skipped.
        case outOfSequence = 1
        /// The sums disagree, or a change does not fit the list.
        case outOfStep = 2
        /// The server did not know a transaction of its own list when a job was declared.
        case unknownTransaction = 3
        /// The client lost its list, or nothing came for too long.
        case lost = 4
    }

    public var requestId: UInt32 = 0
    /// The highest version that the client speaks; it speaks all below.
    public var maxVersion: UInt16 = 0
    /// ``Reason``.
    public var reason: UInt8 = 0

    public init() {}

    public init(requestId: UInt32, maxVersion: UInt16, reason: Reason) {
        self.requestId = requestId
        self.maxVersion = maxVersion
        self.reason = reason.rawValue
    }

    public mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError) {
        try coder.field("request_id", &requestId)
        try coder.field("max_version", &maxVersion)
        try coder.field("reason", &reason)
    }
}

/// From the server: a list begins. Its segments follow, and nothing else with a number before the last of them.
public struct RequestBaseTemplateSuccess: BaseTemplatePayload {
    public static let name = "RequestBaseTemplate.Success"
    public static let msgType: UInt8 = 0x01

    /// Of the client's last request, also where the server begins a new list by itself.
    public var requestId: UInt32 = 0
    public var usedVersion: UInt16 = 0
    /// The list is what it was after the message of this number.
    public var sequence: UInt64 = 0
    /// Whether all of the list may be mined on this tip.
    public var listIsCurrent = false
    public var tip = TipFields()
    public var constraints = ConstraintFields()
    public var candidateCount: UInt16 = 0
    /// Bytes of all records.
    public var listBytes: UInt32 = 0
    public var segmentCount: UInt16 = 0
    /// Of the list. Source: docs/base-template-extension.md, "The sum".
    public var checksum: UInt64 = 0

    public init() {}

    public mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError) {
        try coder.field("request_id", &requestId)
        try coder.field("used_version", &usedVersion)
        try coder.field("sequence", &sequence)
        try coder.field("list_is_current", &listIsCurrent)
        try tip.visitFields(&coder)
        try constraints.visitFields(&coder)
        try coder.field("candidate_count", &candidateCount)
        try coder.field("list_bytes", &listBytes)
        try coder.field("segment_count", &segmentCount)
        try coder.field("checksum", &checksum)
    }
}

/// From the server: there is no list.
public struct RequestBaseTemplateError: BaseTemplatePayload {
    public static let name = "RequestBaseTemplate.Error"
    public static let msgType: UInt8 = 0x02

    /// Version 1 is not offered. The client gives up.
    public static let unsupportedVersion: WireText = "unsupported-version"
    /// The server's node has no template yet. The client asks again later.
    public static let noTemplate: WireText = "no-template"

    public var requestId: UInt32 = 0
    public var errorCode: WireText = ""

    public init() {}

    public init(requestId: UInt32, errorCode: WireText) {
        self.requestId = requestId
        self.errorCode = errorCode
    }

    public mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError) {
        try coder.field("request_id", &requestId)
        try coder.field("error_code", &errorCode)
    }
}

/// From the server: part of a list.
public struct BaseTemplateSegment: BaseTemplatePayload {
    public static let name = "BaseTemplateSegment"
    public static let msgType: UInt8 = 0x03

    /// That of the list's RequestBaseTemplate.Success.
    public var sequence: UInt64 = 0
    /// Counted from 0.
    public var segmentIndex: UInt16 = 0
    /// Whole records, one after the other; see ``CandidateRecords``.
    public var candidates: [UInt8] = []

    public init() {}

    public init(sequence: UInt64, segmentIndex: UInt16, candidates: [UInt8]) {
        self.sequence = sequence
        self.segmentIndex = segmentIndex
        self.candidates = candidates
    }

    public mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError) {
        try coder.field("sequence", &sequence)
        try coder.field("segment_index", &segmentIndex)
        try coder.bytes("candidates", &candidates, .b0_64K)
    }
}

/// From the client: what it has taken so far, so that more may be sent.
public struct AcknowledgeBaseTemplate: BaseTemplatePayload {
    public static let name = "AcknowledgeBaseTemplate"
    public static let msgType: UInt8 = 0x04

    /// While a list comes, its number; then that of the last message applied.
    public var sequence: UInt64 = 0
    /// Segments of the list that have come; 0 for a message.
    public var segments: UInt16 = 0

    public init() {}

    public init(sequence: UInt64, segments: UInt16) {
        self.sequence = sequence
        self.segments = segments
    }

    public mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError) {
        try coder.field("sequence", &sequence)
        try coder.field("segments", &segments)
    }
}

/// From the client: nothing more is wanted until the next request.
public struct StopBaseTemplate: BaseTemplatePayload {
    public static let name = "StopBaseTemplate"
    public static let msgType: UInt8 = 0x08

    /// Of the request whose list is meant.
    public var requestId: UInt32 = 0

    public init() {}

    public init(requestId: UInt32) { self.requestId = requestId }

    public mutating func visitFields(_ coder: inout some FieldCoder) throws(CodecError) {
        try coder.field("request_id", &requestId)
    }
}
