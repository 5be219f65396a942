// The fleet: the routers that share the store, what each serves, and what is wrong with them.

import { h, keyed, setAttr, setShown, setText } from '../dom.js';
import { duration } from '../format.js';
import { button, pageHead } from '../components/controls.js';
import { askOnce } from '../components/dialog.js';

export function fleetPage({ api, store, notices }) {
	const list = h('ul.rows', { testid: 'fleet-members' });
	const alarms = h('ul.advice.advice-against', { testid: 'fleet-alarms' });
	const none = h('p.quiet', {}, '✓ No alarm.');
	const rotating = h('p', { testid: 'fleet-rotating' }, 'The next pin key waits for every router to know it.');
	const rotate = button('Rotate pin keys…', {
		tone: 'small',
		testid: 'fleet-rotate',
		run: () =>
			ask({
				title: 'Rotate the pin keys?',
				text: 'A next key is made, and signs once every router knows it. Pins signed so far go on being known; no client moves.',
				submit: 'Rotate',
				tone: 'primary',
				send: () => api.rotateKeys().then(({ text }) => notices.post({ text: `Pin keys: ${text}`, tone: 'done' })),
			}),
	});

	function remove(member) {
		ask({
			title: `Remove ${member.name} from the fleet?`,
			text: 'For a router that is gone for good: nobody waits for it any more. One that lives enters itself again.',
			submit: `Remove ${member.name}`,
			send: () => api.removeMember(member.node).then(() => notices.post({ text: `${member.name} is no member any more.`, tone: 'done' })),
		});
	}

	const ask = ({ text, ...rest }) =>
		askOnce({ stem: 'fleet', content: h('p', {}, text), done: () => api.fleet().then(store.setFleet), ...rest });

	return {
		element: h(
			'div',
			{},
			pageHead('Fleet', rotate),
			h('section.panel', { 'aria-label': 'Routers' }, list),
			h(
				'section.panel.below',
				{ 'aria-labelledby': 'fleet-alarms-title' },
				h('h2.panel-title', { id: 'fleet-alarms-title' }, 'Alarms'),
				alarms,
				none,
				rotating,
			),
		),
		title: 'Fleet',
		refreshRouter: true,
		update() {
			const { fleet, who } = store.facts;
			keyed(
				list,
				fleet?.members ?? [],
				(member) => member.node,
				() => row({ remove, store }),
			);
			keyed(alarms, fleet?.alarms ?? [], ({ kind, node }) => `${kind} ${node}`, alarm);
			setShown(none, fleet?.alarms.length === 0);
			setShown(rotating, Boolean(fleet?.rotating));
			setShown(rotate, who?.role === 'admin');
		},
	};
}

function alarm() {
	const element = h('li');
	return { element, update: ({ message }) => setText(element, message) };
}

function row({ remove, store }) {
	const name = h('b');
	const node = h('span.quiet.mono');
	const heard = h('span.live-value');
	const serves = h('span.live-value');
	const more = h('span.quiet.live-value');
	let shown = null;
	const away = button('Remove…', { tone: 'small', run: () => remove(shown) });
	const element = h('li.row.member-row', {}, h('span', {}, name, ' ', node), heard, serves, more, away);
	return {
		element,
		update(member) {
			shown = member;
			setText(name, member.name);
			setText(node, member.name === member.node ? '' : member.node);
			setText(heard, heardWords(member));
			setText(serves, servesWords(member, store.app));
			setText(
				more,
				[
					`version ${member.version || 'unknown'}`,
					skewWords(member),
					member.staleness_seconds > 1 ? `read the store ${duration(member.staleness_seconds)} ago` : '',
				]
					.filter(Boolean)
					.join(' · '),
			);
			setShown(away, !member.own && !member.heard && !store.whyReadOnly());
			setAttr(away, 'data-testid', `fleet-remove-${member.name}`);
			setAttr(element, 'data-testid', `fleet-${member.name}`);
		},
	};
}

/** Whether a member gives signs of life. */
export function heardWords({ own, heard, silent_seconds: silent }) {
	if (own) return '● this router';
	if (heard) return '● heard from';
	return silent == null ? '✕ not heard from' : `✕ not heard from for ${duration(silent)}`;
}

/** What a member serves, beside what this router serves; `app(name)` gives a known state. */
export function servesWords({ own, differs }, app = () => null) {
	const apps = Object.entries(differs ?? {});
	if (apps.length === 0) return own ? 'the state shown here' : 'serves the same';
	const words = apps.slice(0, 3).map(([name, seq]) => `${name} at change ${seq ?? 'unknown'} (here ${app(name)?.seq ?? 'unknown'})`);
	return `✕ serves ${words.join(', ')}${apps.length > 3 ? ` and ${apps.length - 3} more` : ''}`;
}

function skewWords({ skew_ms: skew }) {
	return Math.abs(skew ?? 0) >= 1000 ? `clock ${skew > 0 ? 'ahead' : 'behind'} by ${duration(Math.abs(skew) / 1000)}` : '';
}

/** The link's words: how many routers, and whether something is wrong. */
export function fleetLink(fleet) {
	const alarms = fleet?.alarms.length;
	if (alarms) return `Fleet ⚠\u00a0${alarms}`;
	return fleet?.members.length > 1 ? `Fleet\u00a0${fleet.members.length}` : 'Fleet';
}
