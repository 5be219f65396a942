// The endpoints of a release as a strip: a sign and a word for health, so that colour is never the only one, and a way to drain one.

import { h, keyed, setAttr, setShown, setText } from '../dom.js';
import { count, plural, timeOfDay } from '../format.js';
import { health } from '../release.js';
import { button } from './controls.js';

/**
 * `update(release, why)`; a release without endpoints says so. `drain(id, address, lifts)` asks whether to drain an endpoint, or to lift
 * that; nobody is offered it without one, or with a `why`.
 */
export function endpointStrip(drain = null) {
	const summary = h('p.endpoints-summary');
	const strip = h('ul.endpoints');
	let offer = null;
	return {
		element: h('div.endpoints-box', {}, summary, strip),
		update(release, why = null) {
			const found = health(release);
			offer = drain && !why ? (address, lifts) => drain(release.id, address, lifts) : null;
			setText(summary, sentence(release, found));
			summary.classList.toggle('is-bad', Boolean(release) && (found.all === 0 || found.failing.length > 0));
			keyed(
				strip,
				shown(release),
				(endpoint) => endpoint.address,
				() => endpointChip(() => offer),
			);
		},
	};
}

function sentence(release, { all, serving, failing, draining }) {
	if (!release) return 'No endpoints';
	if (all === 0) return '✕ No endpoint: requests to this release cannot be served';
	if (failing.length === 0 && draining === 0) return `${plural(all, 'endpoint')}, all serving`;
	return `${failing.length ? '✕ ' : ''}${serving} of ${plural(all, 'endpoint')} serving${draining ? `, ${count(draining)} draining` : ''}`;
}

// The endpoints, and those that were taken out of the release while something is open there.
function shown(release) {
	const listed = release?.endpoints ?? [];
	const gone = (release?.gone ?? []).filter(({ address }) => !listed.some((endpoint) => endpoint.address === address));
	return [...listed, ...gone.map((endpoint) => ({ ...endpoint, gone: true }))];
}

/** What is left at an endpoint that gets no new requests: on all routers, as far as they have said so. */
export function whatIsLeft(endpoint) {
	const { draining, gone, can_be_stopped: stops, fleet } = endpoint;
	if (!draining && !gone) return '';
	if (stops) return `${gone ? 'taken out' : 'draining'}: can be stopped`;
	const { in_flight: open = 0, open_sockets: sockets = 0 } = fleet ?? endpoint;
	const left = [plural(Math.max(open - sockets, 0), 'open request'), plural(sockets, 'open socket')];
	if (fleet && fleet.reported < fleet.members) left.push(`as ${fleet.reported} of ${fleet.members} routers say`);
	else if (fleet?.members > 1) left.push(`on ${fleet.members} routers`);
	return `${gone ? 'taken out' : `draining until ${timeOfDay(draining.until)}`}: ${left.join(', ')}`;
}

function endpointChip(offer) {
	const sign = h('span.endpoint-sign', { 'aria-hidden': 'true' });
	const address = h('span.endpoint-address');
	const detail = h('span.endpoint-detail');
	const flight = h('span.endpoint-flight.live-value');
	let shows = null;
	const act = button('', { tone: 'small plain', run: () => offer()?.(shows.address, Boolean(shows.draining)) });
	const element = h('li.endpoint', {}, sign, address, detail, flight, act);
	return {
		element,
		update(endpoint) {
			shows = endpoint;
			const failing = endpoint.healthy === false;
			const words = failing ? (endpoint.detail ?? 'not serving') : whatIsLeft(endpoint);
			element.classList.toggle('is-failing', failing);
			setText(sign, failing ? '✕' : endpoint.draining || endpoint.gone ? '○' : '●');
			setText(address, endpoint.address);
			setText(detail, words);
			setText(flight, words && !failing ? '' : `${count(endpoint.in_flight ?? 0)} open`);
			setAttr(flight, 'title', `${plural(endpoint.in_flight ?? 0, 'request')} in flight`);
			setAttr(element, 'data-testid', `endpoint-${endpoint.address}`);
			setShown(act, Boolean(offer()) && !endpoint.gone);
			setText(act, endpoint.draining ? 'Lift…' : 'Drain…');
			setAttr(act, 'data-testid', `${endpoint.draining ? 'lift' : 'drain'}-${endpoint.address}`);
			setAttr(act, 'aria-label', endpoint.draining ? `Lift the drain of ${endpoint.address}` : `Drain ${endpoint.address}`);
		},
	};
}
