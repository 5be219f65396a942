// The red tag of a release that was rolled back or aborted.

import { describeFate } from '../describe.js';
import { h } from '../dom.js';

/** `fate` as `fates.js` has it. It says the rest where there is room, and on hovering. */
export function fateTag(fate) {
	return h('span.tag.is-bad-tag', { title: describeFate(fate, Date.now()), testid: 'fate' }, `✕ ${fate.how}`);
}
