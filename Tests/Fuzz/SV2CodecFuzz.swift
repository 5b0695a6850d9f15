// Fuzz entry for frames and messages of Stratum V2. Built in one module named SV2Codec from the files of SV2Codec and
// SV2Messages and this one, because the fuzzer wants one object with a C entry; the message files' import of SV2Codec
// then names their own module.
//
// Input: one byte that chooses what follows. Below 0x80 it names a message, and the rest is a payload for it: so every
// decoder is reached at once. From 0x80 on the rest is a stream of frames, header and payload, read as one of the three
// sub-protocols. Whatever stands in it, reading must end; what was read must take as many bytes as it was read from, and
// must be read again from what it is written as.

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard count > 0 else { return 0 }
    let rest = Array(UnsafeBufferPointer(start: start + 1, count: count - 1))
    let choice = start[0]
    if choice < 0x80 {
        let kind = kinds[Int(choice) % kinds.count]
        readEverywhere(kind, rest)
        readWorkerName(rest)
    } else {
        switch choice % 3 {
        case 0: walk(rest, as: MiningMessage.self)
        case 1: walk(rest, as: JobDeclarationMessage.self)
        case _: walk(rest, as: TemplateDistributionMessage.self)
        }
    }
    return 0
}

/// In a fixed order, so that the corpus keeps its meaning.
private let kinds: [MessageKind] = {
    let all =
        MiningMessage.readers.kinds + JobDeclarationMessage.readers.kinds
        + TemplateDistributionMessage.readers.kinds
    return Set(all).sorted {
        ($0.extensionType, $0.msgType, $0.name) < ($1.extensionType, $1.msgType, $1.name)
    }
}()

private func readEverywhere(_ kind: MessageKind, _ payload: [UInt8]) {
    let header = FrameHeader(
        extensionType: kind.extensionType, channelMsg: kind.channelMsg, msgType: kind.msgType,
        msgLength: min(payload.count, FrameHeader.maxPayload))
    readOne(header, payload, as: MiningMessage.self)
    readOne(header, payload, as: JobDeclarationMessage.self)
    readOne(header, payload, as: TemplateDistributionMessage.self)
}

private func walk<Link: LinkMessage>(_ stream: [UInt8], as link: Link.Type) {
    var position = 0
    while let header = FrameHeader(frontOf: Array(stream[position...].prefix(FrameHeader.byteCount))) {
        let bytes = header.wireBytes
        for index in bytes.indices {
            precondition(bytes[index] == stream[position + index], "a header is written as it was read")
        }
        position += FrameHeader.byteCount
        let length = min(header.msgLength, stream.count - position)
        readOne(header, Array(stream[position..<position + length]), as: link)
        position += length
    }
}

private func readOne<Link: LinkMessage>(_ header: FrameHeader, _ payload: [UInt8], as link: Link.Type) {
    guard let incoming = try? Link.read(header, payload) else { return }
    switch incoming {
    case .unknown(let same): precondition(same == header, "what is unknown keeps its header")
    case .message(let message, let trailing):
        precondition(
            Array(payload.suffix(trailing.count)) == Array(trailing), "what is left stands at the end")
        guard let frame = try? message.frame(), let written = FrameHeader(frontOf: frame) else {
            preconditionFailure("what was read can be written")
        }
        precondition(written.extensionType == header.extensionType && written.msgType == header.msgType)
        precondition(
            written.msgLength + trailing.count == payload.count, "no byte was read twice or left out")
        precondition(frame.count == FrameHeader.byteCount + written.msgLength)
        guard
            case .message(let again, let rest)? = try? Link.read(
                written, Array(frame.dropFirst(FrameHeader.byteCount))),
            again == message, rest.isEmpty
        else { preconditionFailure("what was written is read as the same") }
        precondition((try? again.frame()) == frame, "writing has one form")
    }
}

private func readWorkerName(_ bytes: [UInt8]) {
    guard let name = try? WorkerName.find(in: bytes[...]) else { return }
    precondition(name.text.bytes.count <= WorkerName.limit, "a name has its bound")
    precondition(
        (try? WorkerName.find(in: name.wireBytes[...])) == name, "a name written is read as the same")
}
