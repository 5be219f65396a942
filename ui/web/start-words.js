// How a release begins, in words. Pure.

import { percent } from './format.js';

/** What the endpoints of a release answered, a line each, and what follows. */
export function testLines({ endpoints, passes, refusal }) {
	const lines = endpoints.map(({ address, passed, detail }) => (passed ? `✓ ${address} passes` : `✕ ${address}: ${detail}`));
	if (passes) return lines;
	return endpoints.length > 0 ? [...lines, 'It could not become stable like this.'] : [refusal];
}

/** What happens when `name` begins as `{blend, plan}` says. */
export function beginEffect(name, { blend, plan }) {
	if (plan) return `Plan ${plan} raises the share of new visitors that go to ${name}, step by step, while it is no worse than stable.`;
	if (blend > 0) return `${percent(blend)} of new visitors go to ${name} at once. Clients that have a pin stay where they are.`;
	return `No client moves: ${name} gets its first client when you raise the blend.`;
}
