#include "trainer/load_state.h"

#include "core/check.h"
#include "trainer/agree.h"
#include "trainer/held_state.h"
#include "trainer/host_state.h"

namespace phalanx {

void load_state(Replica& replica, const checkpoint::Manifest& manifest, checkpoint::Parts parts, Communicator& world) {
  on_every_rank(world, [&] {
    const HostState state(replica);
    state.download();  // what is not loaded stays
    checkpoint::load(manifest, parts, state.state());
    state.upload();
  });
  if (manifest.progress.digest) {
    StateDigest want = *manifest.progress.digest;
    StateDigest got = sum_digests(digest_held_state(replica), replica.layout().table(), world);
    if (parts == checkpoint::Parts::weights) want.m = want.v = got.m = got.v = 0;
    if (got != want) {
      throw AgreedError(str(manifest.folder, ": the state that was loaded has digest ", digest_text(combined(got)),
                            ", that of the saved one is ", digest_text(combined(want)),
                            ": it changed on its way to the disk or back; take another checkpoint"));
    }
  }
  replica.publish_masters();
}

}  // namespace phalanx
