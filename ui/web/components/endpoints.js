// The endpoints of a release as a strip: each with a sign and a word for its health, since colour alone is not enough, and a button to
// drain it.

import { h, keyed, setAttr, setShown, setText } from '../dom.js';
import { count, plural, timeOfDay } from '../format.js';
import { health } from '../release.js';
import { button } from './controls.js';

// As many as a card shows without pushing its buttons off the screen.
const SHOWN_MAX = 8;

const needsLook = ({ healthy, draining, gone }) => healthy === false || Boolean(draining) || Boolean(gone);

/**
 * `update(release, disabledReason)`. `drains` is `{drain(id, address), lift(id, address)}`, which ask whether to drain an endpoint or to
 * lift its drain; the buttons are not shown without it or with a reason.
 */
export function endpointStrip(drains = null) {
	const summary = h('p.endpoints-summary');
	const strip = h('ul.endpoints');
	const rest = h('ul.endpoints');
	const fold = h('details.endpoints-fold', { hidden: true }, h('summary', {}, 'The others'), rest);
	let shown = null;
	return {
		element: h('div.endpoints-box', {}, summary, strip, fold),
		update(release, disabledReason = null) {
			const counts = health(release);
			shown = { id: release?.id, drains: disabledReason ? null : drains };
			setText(summary, describeEndpoints(release, counts));
			summary.classList.toggle('is-bad', Boolean(release) && (counts.all === 0 || counts.failing.length > 0));
			const all = listEndpoints(release);
			// Of many, those that need a look are in sight and the others are folded away.
			const isMany = all.length > SHOWN_MAX;
			const inSight = isMany ? all.filter(needsLook) : all;
			const chips = (list, endpoints) =>
				keyed(
					list,
					endpoints,
					(endpoint) => endpoint.address,
					() => endpointChip(() => shown),
				);
			chips(strip, inSight);
			chips(rest, isMany ? all.filter((each) => !needsLook(each)) : []);
			setShown(fold, isMany);
			setText(fold.firstChild, `${plural(all.length - inSight.length, 'endpoint')} without anything to say`);
		},
	};
}

function describeEndpoints(release, { all, serving, failing, draining }) {
	if (!release) return 'No endpoints';
	if (all === 0) return '✕ No endpoints: requests to this release cannot be served';
	const unchecked = release.endpoints.filter((endpoint) => endpoint.checked === false && endpoint.healthy).length;
	if (unchecked > 0 && failing.length === 0) return `${plural(all, 'endpoint')}, ${count(unchecked)} not checked yet`;
	if (failing.length === 0 && draining === 0) return `${plural(all, 'endpoint')}, all serving`;
	return `${failing.length ? '✕ ' : ''}${serving} of ${plural(all, 'endpoint')} serving${draining ? `, ${count(draining)} draining` : ''}`;
}

// The endpoints of a release, and those that were removed from it while something is still open there.
function listEndpoints(release) {
	const listed = release?.endpoints ?? [];
	const gone = (release?.gone ?? []).filter(({ address }) => !listed.some((endpoint) => endpoint.address === address));
	return [...listed, ...gone.map((endpoint) => ({ ...endpoint, gone: true }))];
}

/** What is left at an endpoint that gets no new requests, on all routers that have reported it. */
export function describeWhatIsLeft(endpoint) {
	const { draining, gone, can_be_stopped: canBeStopped, fleet } = endpoint;
	if (!draining && !gone) return '';
	if (canBeStopped) return `${gone ? 'removed' : 'draining'}: can be stopped`;
	const { in_flight: open = 0, open_sockets: sockets = 0 } = fleet ?? endpoint;
	const left = [plural(Math.max(open - sockets, 0), 'open request'), plural(sockets, 'open socket')];
	if (fleet && fleet.reported < fleet.members) left.push(`reported by ${fleet.reported} of ${fleet.members} routers`);
	else if (fleet?.members > 1) left.push(`on ${fleet.members} routers`);
	return `${gone ? 'removed' : `draining until ${timeOfDay(draining.until)}`}: ${left.join(', ')}`;
}

function endpointChip(shown) {
	const sign = h('span.endpoint-sign', { 'aria-hidden': 'true' });
	const address = h('span.endpoint-address');
	const detail = h('span.endpoint-detail');
	const open = h('span.endpoint-open.live-value');
	let current = null;
	const drainButton = button('', { tone: 'small plain', run: toggleDrain });
	const element = h('li.endpoint', {}, sign, address, detail, open, drainButton);

	function toggleDrain() {
		const { id, drains } = shown();
		if (current.draining) drains?.lift(id, current.address);
		else drains?.drain(id, current.address);
	}

	return {
		element,
		update(endpoint) {
			current = endpoint;
			const failing = endpoint.healthy === false;
			const words = failing ? (endpoint.detail ?? 'not serving') : describeWhatIsLeft(endpoint);
			element.classList.toggle('is-failing', failing);
			setText(sign, failing ? '✕' : endpoint.draining || endpoint.gone ? '○' : '●');
			setText(address, endpoint.name ? `${endpoint.address} (${endpoint.name})` : endpoint.address);
			setText(detail, words);
			setText(open, words && !failing ? '' : `${count(endpoint.in_flight ?? 0)} open`);
			setAttr(open, 'title', plural(endpoint.in_flight ?? 0, 'open request'));
			setAttr(element, 'data-testid', `endpoint-${endpoint.address}`);
			setShown(drainButton, Boolean(shown().drains) && !endpoint.gone);
			setText(drainButton, endpoint.draining ? 'Lift…' : 'Drain…');
			setAttr(drainButton, 'data-testid', `${endpoint.draining ? 'lift' : 'drain'}-${endpoint.address}`);
			setAttr(drainButton, 'aria-label', endpoint.draining ? `Lift the drain of ${endpoint.address}` : `Drain ${endpoint.address}`);
		},
	};
}
