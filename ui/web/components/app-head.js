// The head of an app's page: its name, change and hosts, the sticky switch and the lock, at fixed places.

import { h, setAttr, setShown, setText } from '../dom.js';
import { fullTime } from '../format.js';
import { describeLocalAbort } from '../describe.js';
import { describeFreeze, describeLock } from '../freeze-words.js';
import { explainHalt } from '../halt-words.js';
import { describeHosts, isUnreachable } from '../hosts.js';
import { appLinks } from './app-links.js';
import { button, pageHead } from './controls.js';

/** `update(state, disabledReason)`: a reason disables the switch and the lock. */
export function appHead(name, actions) {
	let state = null;
	let disabledReason = null;
	const runEnabled = (run) => () => {
		if (state && !disabledReason) run();
	};
	const change = h('span.quiet', { testid: 'seq' });
	const hosts = h('span.quiet');
	const sticky = stickySwitch(runEnabled(() => actions.toggleSticky(name)));
	const lock = button('Lock…', {
		tone: 'small',
		testid: 'lock',
		'aria-describedby': 'head-why',
		run: runEnabled(() => (state.lock ? actions.unlock(name) : actions.lock(name))),
	});
	const lockText = h('span.lock-text', { testid: 'lock-state' });
	const small = { tone: 'small', 'aria-describedby': 'head-why' };
	const pause = button('Pause…', {
		...small,
		testid: 'pause',
		run: runEnabled(() => (state.halt ? actions.resume(name) : actions.pause(name))),
	});
	const stop = button('Stop…', { ...small, testid: 'stop-app', run: runEnabled(() => actions.stopApp(name)) });
	const switches = h('div.app-switches', {}, sticky.element, lock, lockText, pause, stop);
	const freeze = h('p.freeze', { testid: 'freeze-state', hidden: true });
	const reasonLine = h('p.why', { id: 'head-why' });
	const noHost = h(
		'p.panel.is-warning',
		{ testid: 'no-host', hidden: true },
		'No host leads to this app. Claim one in its settings, or make it the default there.',
	);

	const aborted = h('p.panel.is-warning', { testid: 'local-abort', role: 'status', hidden: true });

	const halted = h('p.panel.is-warning', { testid: 'halted', role: 'status', hidden: true });

	function showHalt({ halt }) {
		setText(halted, explainHalt(halt, Date.now()));
		setShown(halted, Boolean(halt));
		setText(pause, halt ? 'Resume…' : 'Pause…');
		setAttr(pause, 'data-testid', halt ? 'resume' : 'pause');
		setShown(stop, halt?.kind !== 'stop');
	}

	function showLocalAbort({ local_abort: abort }) {
		setShown(aborted, Boolean(abort));
		if (abort) setText(aborted, describeLocalAbort(abort));
	}

	function showLock() {
		const isLocked = Boolean(state.lock);
		setText(lock, isLocked ? 'Unlock…' : 'Lock…');
		setAttr(lock, 'data-testid', isLocked ? 'unlock' : 'lock');
		setText(lockText, describeLock(state));
		setAttr(lockText, 'title', lockText.textContent);
		lockText.classList.toggle('is-locked', isLocked);
	}

	function showFreeze() {
		const words = describeFreeze(state, Date.now());
		setShown(freeze, Boolean(words));
		if (!words) return;
		setText(freeze, words.text);
		freeze.classList.toggle('is-locked', words.stands);
	}

	return {
		element: h('div.app-head', {}, pageHead(name, change, hosts, appLinks(name, '')), switches, freeze, reasonLine, halted, noHost, aborted),
		update(next, nextReason) {
			state = next;
			disabledReason = nextReason;
			setShown(switches, Boolean(state));
			if (!state) return;
			const { updated } = state;
			setText(change, `change ${state.seq}`);
			setAttr(change, 'title', updated ? `${updated.command} by ${updated.actor}, ${fullTime(updated.at)}` : null);
			setText(hosts, describeHosts(state));
			setShown(noHost, isUnreachable(state));
			showLocalAbort(state);
			showHalt(state);
			sticky.update(state.sticky);
			showLock();
			showFreeze();
			setText(reasonLine, disabledReason ? `Sticky, Lock, Pause, Stop: ${disabledReason}.` : '');
			for (const control of [sticky.element, lock, pause, stop]) setAttr(control, 'aria-disabled', disabledReason ? 'true' : null);
		},
	};
}

function stickySwitch(run) {
	const label = h('span');
	const props = { type: 'button', class: 'switch', role: 'switch', 'aria-checked': 'false', testid: 'sticky-switch', 'aria-describedby': 'head-why' };
	const element = h('button', { ...props, on: { click: run } }, h('span.switch-knob', { 'aria-hidden': 'true' }), label);
	return {
		element,
		update(isSticky) {
			setAttr(element, 'aria-checked', String(Boolean(isSticky)));
			setText(label, isSticky ? 'Sticky: clients are pinned' : 'Not sticky: every request is drawn anew');
		},
	};
}
