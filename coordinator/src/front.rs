pub struct Front; pub struct FrontOptions; pub struct FrontParts; pub struct Readiness; pub struct ServiceOptions; pub fn services() {}
