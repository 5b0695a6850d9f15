/// A whole list, ready to be sent.
struct Snapshot: Sendable {
    let sequence: UInt64
    let listBytes: Int
    /// Frames.
    let segments: [[UInt8]]
    private let announcement: RequestBaseTemplateSuccess

    /// Bytes of records in a segment: what its other fields leave.
    static let segmentRoom = BaseTemplateExtension.maximumPayload - 12

    init(
        of list: CandidateList, at sequence: UInt64, tip: BaseTemplateTip, rules: CoinbaseRules,
        isCurrent: Bool
    ) {
        var parts = [[UInt8]]()
        var (part, previous) = ([UInt8](), UInt16?.none)
        for candidate in list.candidates {
            var record = [UInt8]()
            CandidateRecords.append(candidate, after: previous, to: &record)
            if part.count + record.count > Snapshot.segmentRoom {
                parts.append(part)
                part = []
                record = []
                CandidateRecords.append(candidate, after: nil, to: &record)
            }
            part += record
            previous = candidate.index
        }
        if !part.isEmpty { parts.append(part) }
        self.sequence = sequence
        listBytes = parts.reduce(0) { $0 + $1.count }
        segments = parts.enumerated().map { index, records in
            let segment = BaseTemplateSegment(
                sequence: sequence, segmentIndex: UInt16(index), candidates: records)
            guard let frame = try? segment.frame() else { preconditionFailure("a segment fits in a frame") }
            return frame
        }
        var announcement = RequestBaseTemplateSuccess()
        announcement.usedVersion = BaseTemplateExtension.version
        announcement.sequence = sequence
        announcement.listIsCurrent = isCurrent
        announcement.tip = tip.fields
        announcement.constraints = rules.fields
        announcement.candidateCount = UInt16(list.count)
        announcement.listBytes = UInt32(listBytes)
        announcement.segmentCount = UInt16(segments.count)
        announcement.checksum = list.checksum
        self.announcement = announcement
    }

    /// The message that begins the list, as a frame.
    func beginning(of requestId: UInt32) -> [UInt8] {
        var message = announcement
        message.requestId = requestId
        guard let frame = try? message.frame() else { preconditionFailure("demands have a bound") }
        return frame
    }
}
