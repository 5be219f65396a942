// The fleet: the routers that share the store, what each serves, and what is wrong with them.

import { h, keyed, setAttr, setShown, setText } from '../dom.js';
import { alarmKey, describeHeard, describeSecrets, describeServed, describeSkew } from '../fleet-words.js';
import { duration } from '../format.js';
import { button, pageHead } from '../components/controls.js';
import { openFormDialog } from '../components/dialog.js';

export function fleetPage({ api, model, notices }) {
	const list = h('ul.rows', { testid: 'fleet-members' });
	const alarms = h('ul.advice.advice-warnings', { testid: 'fleet-alarms' });
	const none = h('p.quiet', {}, '✓ No alarms.');
	const rotating = h('p', { testid: 'fleet-rotating' }, 'The next pin key is not used until every router knows it.');
	const secrets = h('p', { testid: 'fleet-secrets' });
	const rotate = button('Rotate pin keys…', {
		tone: 'small',
		testid: 'fleet-rotate',
		run: () =>
			openDialog({
				title: 'Rotate the pin keys?',
				text: 'The router makes a new key and signs pins with it once every router knows it. The pins of today stay valid: no client moves.',
				submit: 'Rotate',
				tone: 'primary',
				send: () => api.rotateKeys().then(({ text }) => notices.post({ text: `Pin keys: ${text}`, tone: 'done' })),
			}),
	});

	function remove(member) {
		openDialog({
			title: `Remove ${member.name} from the fleet?`,
			text: 'Do this for a router that is gone for good: commands no longer wait for it. A router that still runs joins again by itself.',
			submit: `Remove ${member.name}`,
			send: () => api.removeMember(member.node).then(() => notices.post({ text: `${member.name} is no longer a member.`, tone: 'done' })),
		});
	}

	const openDialog = ({ text, ...rest }) =>
		openFormDialog({ stem: 'fleet', content: h('p', {}, text), done: () => api.getFleet().then(model.setFleet), ...rest });

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
				secrets,
			),
		),
		title: 'Fleet',
		refreshRouter: true,
		update() {
			const { fleet, who } = model.facts;
			keyed(
				list,
				fleet?.members ?? [],
				(member) => member.node,
				() => buildRow({ remove, model }),
			);
			keyed(alarms, fleet?.alarms ?? [], alarmKey, buildAlarm);
			setShown(none, fleet?.alarms.length === 0);
			setShown(rotating, Boolean(fleet?.rotating));
			setShown(secrets, Boolean(fleet?.secrets));
			setText(secrets, fleet?.secrets ? describeSecrets(fleet.secrets) : '');
			setShown(rotate, who?.role === 'admin');
		},
	};
}

function buildAlarm() {
	const element = h('li');
	return { element, update: ({ message }) => setText(element, message) };
}

function buildRow({ remove, model }) {
	const name = h('b');
	const node = h('span.quiet.mono', { title: 'Its id, which stays when it gets another name or address' });
	const heard = h('span.live-value');
	const serves = h('span.live-value');
	const more = h('span.quiet.live-value');
	let current = null;
	const removeButton = button('Remove…', { tone: 'small', run: () => remove(current) });
	const element = h('li.row.member-row', {}, h('span', {}, name, ' ', node), heard, serves, more, removeButton);
	return {
		element,
		update(member) {
			current = member;
			setText(name, member.name);
			setText(node, member.name === member.node ? '' : member.node);
			setText(heard, describeHeard(member));
			setText(serves, describeServed(member, model.app));
			setText(
				more,
				[
					`version ${member.version || 'unknown'}`,
					describeSkew(member),
					member.staleness_seconds > 1 ? `last read the store ${duration(member.staleness_seconds)} ago` : '',
				]
					.filter(Boolean)
					.join(' · '),
			);
			setShown(removeButton, !member.own && !member.heard && !model.readOnlyReason());
			setAttr(removeButton, 'data-testid', `fleet-remove-${member.name}`);
			setAttr(element, 'data-testid', `fleet-${member.name}`);
		},
	};
}
