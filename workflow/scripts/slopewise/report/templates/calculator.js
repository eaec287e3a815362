// The calculator: level, slope and risk of one patient from the shipped model, as `slopewise predict` computes them.
// No network, no library; what is entered stays on the page.
"use strict";
(function () {
  var place = document.querySelector("[data-model]");
  if (!place) { return; }
  var model = JSON.parse(place.dataset.model);

  function Refusal(message) { this.message = message; }
  function refuse(message) { throw new Refusal(message); }

  var FUNCTIONS = { log: Math.log, exp: Math.exp, sqrt: Math.sqrt };
  var TRANSFORMS = {
    none: [function (x) { return x; }, function () { return true; }, "a number"],
    log: [Math.log, function (x) { return x > 0; }, "a number greater than 0"],
    log1p: [Math.log1p, function (x) { return x > -1; }, "a number greater than -1"],
    sqrt: [Math.sqrt, function (x) { return x >= 0; }, "a number from 0"],
    logit: [function (x) { return Math.log(x) - Math.log1p(-x); }, function (x) { return x > 0 && x < 1; }, "a number between 0 and 1"]
  };

  // From the scale of the model back to the unit that was measured; monotone, so that ends of a range stay its ends.
  var INVERSES = {
    none: function (x) { return x; },
    log: Math.exp,
    log1p: Math.expm1,
    sqrt: function (x) { return x * x; },
    logit: function (x) { return 1 / (1 + Math.exp(-x)); }
  };

  function inUnit(marker) { return INVERSES[marker.transform]; }

  // A slope of a logarithm is a relative change; of another transform it stays on the model's scale, which its unit names.
  function slopeIn(marker) {
    return marker.transform === "log" ? function (slope) { return 100 * Math.expm1(slope); } : function (slope) { return slope; };
  }

  // Designs: products of arithmetic, levels and piecewise polynomials.
  function arithmetic(node, row) {
    if (node[0] === "name") { return row[node[1]]; }
    if (node[0] === "number") { return node[1]; }
    var a = arithmetic(node[1], row);
    if (node[0] in FUNCTIONS) { return FUNCTIONS[node[0]](a); }
    var b = arithmetic(node[2], row);
    return { "+": a + b, "-": a - b, "*": a * b, "/": a / b, "**": Math.pow(a, b) }[node[0]];
  }

  function piecewise(factor, x) {
    var k = factor.bounds.filter(function (bound) { return bound <= x; }).length;
    var piece = factor.pieces[k], u = (x - piece[0]) / piece[1], total = 0;
    for (var j = piece.length - 1; j >= 2; j -= 1) { total = total * u + piece[j]; }
    return total;
  }

  function factorOf(factor, row) {
    if (factor.level) { return row[factor.level[0]] === factor.level[1] ? 1 : 0; }
    return factor.of ? piecewise(factor, row[factor.of]) : arithmetic(factor.number, row);
  }

  function designRow(design, row) {
    return design.columns.map(function (column) {
      return column.reduce(function (product, factor) { return product * factorOf(factor, row); }, 1);
    });
  }

  var CENTRAL = [[-2, 1], [-1, -8], [1, 8], [2, -1]];
  var FORWARD = [[0, -25], [1, 48], [2, -36], [3, 16], [4, -3]];
  var BACKWARD = [[0, 25], [-1, -48], [-2, 36], [-3, -16], [-4, 3]];

  // The derivative by time at a row, by the five-point differences of the growth model.
  function derivative(design, row) {
    if (!design.moves) { return design.columns.map(function () { return 0; }); }
    var now = row.time, size = Math.pow(2, Math.ceil(Math.log2(Math.max(1, Math.abs(now)))));
    var step = size / 4, stencil = CENTRAL;
    if (!design.polynomial) {
      var low = design.low === null ? -Infinity : design.low, high = design.high === null ? Infinity : design.high;
      step = size / 1024;
      if (!(now - 2 * step >= low && now + 2 * step <= high)) { stencil = now + 4 * step <= high ? FORWARD : BACKWARD; }
    }
    var total = design.columns.map(function () { return 0; });
    stencil.forEach(function (part) {
      var there = designRow(design, Object.assign({}, row, { time: now + part[0] * step }));
      total = total.map(function (sum, k) { return sum + part[1] * there[k]; });
    });
    return total.map(function (sum) { return sum / (12 * step); });
  }

  function dot(a, b) { return a.reduce(function (sum, value, k) { return sum + value * b[k]; }, 0); }
  function times(matrix, vector) { return matrix.map(function (row) { return dot(row, vector); }); }

  // The solution of a symmetric positive definite system for several right-hand sides (its columns), by Cholesky.
  function solve(matrix, sides) {
    var n = matrix.length, lower = matrix.map(function () { return []; });
    for (var i = 0; i < n; i += 1) {
      for (var j = 0; j <= i; j += 1) {
        var sum = matrix[i][j];
        for (var k = 0; k < j; k += 1) { sum -= lower[i][k] * lower[j][k]; }
        lower[i][j] = i === j ? Math.sqrt(sum) : sum / lower[j][j];
      }
    }
    return sides.map(function (side) {
      var x = side.slice();
      for (var i = 0; i < n; i += 1) {
        for (var k = 0; k < i; k += 1) { x[i] -= lower[i][k] * x[k]; }
        x[i] /= lower[i][i];
      }
      for (var j = n - 1; j >= 0; j -= 1) {
        for (var m = j + 1; m < n; m += 1) { x[j] -= lower[m][j] * x[m]; }
        x[j] /= lower[j][j];
      }
      return x;
    });
  }

  // Level, slope, its standard error and reliability of one marker; `rows` have time and value, `at` the moment.
  function scoreOf(marker, rows, covariates, at) {
    var psi = marker.covariance, own = rows.filter(function (row) { return row[marker.name] !== null; });
    var here = Object.assign({}, covariates, { time: at });
    var x = designRow(marker.fixed, here), z = designRow(marker.random, here);
    var dx = derivative(marker.fixed, here), dz = derivative(marker.random, here);
    var b = z.map(function () { return 0; }), left = psi;
    if (own.length) {
      var designs = own.map(function (row) { return Object.assign({}, covariates, { time: row.time }); });
      var zs = designs.map(function (row) { return designRow(marker.random, row); });
      var loading = zs.map(function (row) { return times(psi, row); });
      var v = zs.map(function (row, i) {
        return zs.map(function (_, j) { return dot(row, loading[j]) + (i === j ? marker.variance : 0); });
      });
      var residuals = own.map(function (row, i) { return row[marker.name] - dot(designRow(marker.fixed, designs[i]), marker.beta); });
      var columns = z.map(function (_, k) { return loading.map(function (row) { return row[k]; }); });
      var solved = solve(v, columns.concat([residuals]));
      var weights = solved.pop();
      b = columns.map(function (column) { return dot(column, weights); });
      left = psi.map(function (row, i) { return row.map(function (value, j) { return value - dot(columns[i], solved[j]); }); });
    }
    var prior = dot(dz, times(psi, dz)), posterior = dot(dz, times(left, dz));
    return {
      visits: own.length,
      level: dot(x, marker.beta) + dot(z, b),
      slope: dot(dx, marker.beta) + dot(dz, b),
      slope_se: Math.sqrt(Math.max(posterior, 0)),
      reliability: prior > 0 ? Math.min(1, Math.max(0, (prior - posterior) / prior)) : 0
    };
  }

  // Risks [cause][horizon] of a step from covariates and scores.
  function bend(x, knots) {
    var last = knots[2], before = knots[1];
    function cube(at) { return Math.pow(Math.max(x - at, 0), 3); }
    var value = cube(knots[0]) - cube(before) * (last - knots[0]) / (last - before) + cube(last) * (before - knots[0]) / (last - before);
    return value / Math.pow(last - knots[0], 2);
  }

  function derivedColumn(one, filled) {
    if (!one.of.length) { return 0; }
    if (/\.bend$/.test(one.term)) { return bend(filled[one.of[0]], one.constants); }
    return (filled[one.of[0]] - one.constants[0]) * (filled[one.of[1]] - one.constants[1]);
  }

  function standardised(step, covariates, scores) {
    var raw = [];
    step.coding.forEach(function (entry) {
      if (entry[1] === null) { raw.push(covariates[entry[0]]); return; }
      entry[1].slice(1).forEach(function (level) { raw.push(covariates[entry[0]] === level ? 1 : 0); });
    });
    step.every.slice(raw.length).forEach(function (term) {
      var cut = term.lastIndexOf(".");
      raw.push(scores[term.slice(0, cut)][term.slice(cut + 1)]);
    });
    raw = raw.concat(step.derived.map(function (one) { return derivedColumn(one, raw); }));
    return step.columns.map(function (column, k) { return (raw[column] - step.centre[k]) / step.scale[k]; });
  }

  function scaled(baseline, score) { return baseline === 0 ? 0 : Math.exp(Math.min(Math.log(baseline) + score, 600)); }

  function risksOf(step, covariates, scores, stratum) {
    var x = standardised(step, covariates, scores);
    var linear = step.parts.map(function (part) {
      return x.reduce(function (sum, value, k) { return sum + (value - part.centre[k]) * part.beta[k]; }, part.intercept || 0);
    });
    var first = step.parts[0];
    if (first.link) { return [[first.link === "identity" ? linear[0] : 1 / (1 + Math.exp(-linear[0]))]]; }
    if (step.parts.length === 1) {
      return [first.baseline[stratum].map(function (value) { return -Math.expm1(-scaled(value, linear[0])); })];
    }
    var found = step.parts.map(function () { return step.horizons.map(function () { return 0; }); });
    var grown = step.parts.map(function () { return 0; }), before = 0, previous = step.parts.map(function () { return 0; });
    first.times.forEach(function (time, t) {
      var hazards = step.parts.map(function (part, c) {
        var jump = part.baseline[stratum][t] - previous[c];
        previous[c] = part.baseline[stratum][t];
        return scaled(jump, linear[c]);
      });
      var total = hazards.reduce(function (a, b) { return a + b; }, 0);
      var share = total > 0 ? -Math.expm1(-total) / total : 0;
      grown = grown.map(function (sum, c) { return sum + Math.exp(-before) * share * hazards[c]; });
      before += total;
      step.horizons.forEach(function (horizon, h) {
        if (time <= horizon) { found.forEach(function (own, c) { own[h] = grown[c]; }); }
      });
    });
    return found;
  }

  // What `predict` refuses: a value that only another unit explains.
  function farOutside(x, low, high) {
    var width = high - low;
    if (x < low - width || x > high + width) { return true; }
    var ratio = high / low;
    return low > 0 && x > 0 && (x < low / ratio || x > high * ratio) && (x < low || x > high);
  }

  function likelyUnit(values, low, high, named) {
    function within(change) { return values.every(function (x) { var y = change(x); return low <= y && y <= high; }); }
    function distance(factor) {
      var sorted = values.map(function (x) { return x / factor; }).sort(function (a, b) { return a - b; });
      var middle = (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
      return low > 0 ? Math.abs(Math.log(middle / Math.sqrt(low * high))) : Math.abs(middle - (low + high) / 2);
    }
    var found = model.conversions.map(function (one, k) { return { factor: one[0], example: "as " + one[1], named: named[k] }; })
      .filter(function (one) { return within(function (x) { return x / one.factor; }); });
    if (found.length) {
      found.sort(function (a, b) { return (a.named ? 0 : 1) - (b.named ? 0 : 1) || distance(a.factor) - distance(b.factor); });
      return "it seems to be in another unit (" + (found[0].named || found[0].example) + ")";
    }
    if (within(Math.exp) || within(function (x) { return Math.pow(10, x); })) { return "it seems to be a logarithm of what the model takes"; }
    if (within(Math.log) || within(Math.log10)) { return "the model takes the logarithm of it"; }
    return "";
  }

  function refuseUnits(what, values, range, unit, named) {
    if (!range) { return; }
    var far = values.filter(function (x) { return farOutside(x, range[0], range[1]); });
    var reason = far.length ? likelyUnit(far, range[0], range[1], named) : "";
    far.forEach(function (x) { reason = reason || likelyUnit([x], range[0], range[1], named); });
    if (reason) {
      refuse(what + ": " + far.map(short).join(", ") + ", where the model was made on " + short(range[0]) + " to " +
        short(range[1]) + (unit ? " " + unit : "") + "; " + reason + ". Convert the value.");
    }
  }

  function beyond(what, values, range, said, shownAs, unit) {
    if (!range) { return; }
    var outside = values.filter(function (x) { return x < range[0] || x > range[1]; });
    if (!outside.length) { return; }
    var text = [outside[0]].concat(range).map(shownAs || function (x) { return x; }).map(short);
    said.push(what + " " + text[0] + " is outside the training range, " + text[1] + " to " + text[2] + (unit ? " " + unit : ""));
  }

  function settled(rows) {
    var byTime = new Map();
    rows.forEach(function (row) { byTime.set(row.time, (byTime.get(row.time) || []).concat([row])); });
    if (model.duplicates === "keep") { return rows; }
    return Array.from(byTime.values()).map(function (twins) {
      if (twins.length > 1 && model.duplicates === "error") { refuse("Two visits are at the same time. Leave one out."); }
      if (model.duplicates !== "mean") { return model.duplicates === "last" ? twins[twins.length - 1] : twins[0]; }
      var merged = { time: twins[0].time };
      model.markers.forEach(function (marker) {
        var seen = twins.map(function (row) { return row[marker.name]; }).filter(function (x) { return x !== null; });
        merged[marker.name] = seen.length ? seen.reduce(function (a, b) { return a + b; }, 0) / seen.length : null;
      });
      return merged;
    });
  }

  function checkedValues(rows) {
    model.markers.forEach(function (marker) {
      var values = rows.map(function (row) { return row[marker.name]; }).filter(function (x) { return x !== null; });
      var transform = TRANSFORMS[marker.transform];
      values.forEach(function (x) {
        if (marker.plausible && (x < marker.plausible[0] || x > marker.plausible[1])) {
          refuse(marker.label + ": " + x + " is outside the plausible range, " + marker.plausible[0] + " to " + marker.plausible[1] + ".");
        }
        if (!transform[1](x)) { refuse(marker.label + ": " + x + " is not possible; the model takes " + transform[2] + "."); }
      });
      refuseUnits(marker.label, values, marker.measured, marker.unit, marker.named);
    });
  }

  // `visits`: [{time, marker: value or null, ...}] in the unit of the form; `covariates` by name; `stratum` a level.
  function compute(visits, covariates, stratum) {
    var rows = visits.filter(function (row) { return model.markers.some(function (marker) { return row[marker.name] !== null; }); });
    if (!rows.length) { refuse("Enter at least one visit with a value."); }
    if (rows.some(function (row) { return row.time === null; })) { refuse("A visit with a value has no time."); }
    var clock = model.time, zero = clock.from_first ? Math.min.apply(null, rows.map(function (row) { return row.time; })) : 0;
    rows = rows.map(function (row) {
      var time = (row.time - zero) * clock.ratio[0] / clock.ratio[1] + 0;
      if (model.landmark !== null && Math.abs(time - model.landmark) <= model.tolerance * Math.max(1, Math.abs(model.landmark))) { time = model.landmark; }
      if (model.landmark !== null && time > model.landmark) {
        refuse("A visit is at " + short(time) + (clock.words ? " " + clock.words : "") + ", after the landmark (" + model.landmark + ") at which the model predicts. Leave it out.");
      }
      return Object.assign({}, row, { time: time });
    });
    var said = [];
    model.covariates.forEach(function (one) {
      var value = covariates[one.name];
      if (value === null || value === undefined || value === "") { refuse(one.name + ": a value is needed."); }
      if (one.levels && one.levels.indexOf(value) < 0) { refuse(one.name + ": the model does not know the level " + value + "; it knows " + one.levels.join(", ") + "."); }
      if (!one.levels) { refuseUnits(one.name, [value], one.range, "", []); beyond(one.name, [value], one.range, said); }
    });
    var code = model.strata ? model.strata.levels.indexOf(stratum) : 0;
    if (code < 0) { refuse(model.strata.columns.join(", ") + ": the model does not know the stratum " + stratum + "."); }
    rows = settled(rows);
    checkedValues(rows);
    rows = rows.map(function (row) {
      var own = { time: row.time };
      model.markers.forEach(function (marker) {
        own[marker.name] = row[marker.name] === null ? null : TRANSFORMS[marker.transform][0](row[marker.name]);
      });
      return own;
    });
    var at = model.landmark === null ? Math.max.apply(null, rows.map(function (row) { return row.time; })) : model.landmark;
    var scores = {};
    beyond("the time of a visit", rows.map(function (row) { return row.time; }), model.time.range, said);
    model.markers.forEach(function (marker) {
      var found = scores[marker.name] = scoreOf(marker, rows, covariates, at);
      beyond(marker.label, rows.map(function (row) { return row[marker.name]; }).filter(function (x) { return x !== null; }), marker.values, said, inUnit(marker), marker.unit);
      beyond("the level of " + marker.label, [found.level], marker.level, said, inUnit(marker), marker.unit);
      beyond("the slope of " + marker.label, [found.slope], marker.slope, said, slopeIn(marker), marker.slope_unit);
      if (found.visits === 0) { said.push(marker.label + " was not measured: the population’s level and slope are used"); }
      if (found.visits === 1) { said.push(marker.label + " at one visit: its slope is mostly the population’s"); }
    });
    return {
      scores: scores,
      risks: { level: risksOf(model.steps.level, covariates, scores, code), slope: risksOf(model.steps.slope, covariates, scores, code) },
      notes: said
    };
  }

  // The form.
  var NORMAL = 1.959963984540054;
  function short(value) { return String(Number(value.toPrecision(4))); }
  function made(tag, text) { var one = document.createElement(tag); if (text !== undefined) { one.textContent = text; } return one; }
  function numberIn(field) { return field.value.trim() === "" ? null : Number(field.value.trim().replace(",", ".")); }

  var form = place.querySelector("form"), body = form.querySelector("tbody"), output = place.querySelector(".answer");

  function addVisit() {
    var row = body.insertRow(), number = body.rows.length;
    [{ name: "time", label: model.time.label }].concat(model.markers).forEach(function (one) {
      var field = made("input");
      field.type = "text"; field.inputMode = "decimal"; field.autocomplete = "off"; field.name = one.name;
      field.setAttribute("aria-label", "visit " + number + ", " + one.label);
      row.insertCell().append(field);
    });
  }

  function read() {
    function number(field) {
      var value = numberIn(field);
      if (value !== null && !isFinite(value)) { refuse(field.getAttribute("aria-label") + ": " + field.value + " is not a number."); }
      return value;
    }
    var visits = Array.from(body.rows).map(function (row) {
      var visit = {};
      row.querySelectorAll("input").forEach(function (field) { visit[field.name] = number(field); });
      return visit;
    });
    var covariates = {}, stratum = null;
    form.querySelectorAll("[data-covariate]").forEach(function (field) {
      covariates[field.dataset.covariate] = field.tagName === "SELECT" ? field.value : number(field);
    });
    form.querySelectorAll("[data-stratum]").forEach(function (field) { stratum = field.value; });
    return compute(visits, covariates, stratum);
  }

  function table(caption, head, rows) {
    var one = made("table"), top = one.createTHead().insertRow(), under = one.createTBody();
    one.createCaption().textContent = caption;
    head.forEach(function (text, k) { var cell = made("th", text); cell.scope = "col"; if (!k) { cell.className = "words"; } top.append(cell); });
    rows.forEach(function (cells) {
      var row = under.insertRow();
      cells.forEach(function (value, k) {
        var cell = made(k ? "td" : "th", k ? value.text : value);
        if (k) { cell.dataset.value = String(value.value); } else { cell.scope = "row"; cell.className = "words"; }
        row.append(cell);
      });
    });
    var scroll = made("div");
    scroll.className = "scroll"; scroll.tabIndex = 0; scroll.setAttribute("role", "region"); scroll.setAttribute("aria-label", "Table: " + caption);
    scroll.append(one);
    return scroll;
  }

  function shown(value) { return { text: short(value).replace("-", "−"), value: value }; }
  function withUnit(text, unit) { return text + (unit && unit[0] !== "%" ? " " : "") + unit; }
  function signed(value) { return (value > 0 ? "+" : "") + shown(value).text; }

  // The cells of a marker: its level in the unit that was measured, its slope with its interval, its reliability.
  function inWords(marker, score) {
    var slope = slopeIn(marker), margin = NORMAL * score.slope_se;
    var ends = [slope(score.slope - margin), slope(score.slope + margin)];
    var each = marker.transform === "log" ? "%" : "", level = inUnit(marker)(score.level), middle = slope(score.slope);
    return [
      { text: withUnit(shown(level).text, marker.unit), value: level },
      { text: withUnit(signed(middle), marker.slope_unit), value: middle },
      { text: signed(ends[0]) + each + " to " + signed(ends[1]) + each, value: ends.join(" ") },
      shown(score.reliability)
    ];
  }

  function asRisk(value) { return model.numeric ? shown(value) : { text: (100 * value).toFixed(1) + "%", value: value }; }

  function answer() {
    output.textContent = "";
    try {
      var found = read();
      output.append(table("Level and slope at " + model.moment, ["marker", "level", "slope", "95% interval of the slope", "reliability of the slope"], model.markers.map(function (marker) {
        return [marker.label].concat(inWords(marker, found.scores[marker.name]));
      })));
      var rows = [];
      model.causes.forEach(function (cause, c) {
        model.horizons.forEach(function (horizon, h) {
          rows.push([cause + (horizon === null ? "" : " within " + model.durations[h])].concat([asRisk(found.risks.level[c][h]), asRisk(found.risks.slope[c][h])]));
        });
      });
      function head(step, text) { return text + (model.recommended === step ? " (recommended)" : ""); }
      output.append(table(model.numeric ? "Prediction" : "Risk", ["outcome", head("level", "without the slope"), head("slope", "with the slope")], rows));
      if (!model.numeric) { output.append(made("p", frequencies(found.risks))); }
      found.notes.forEach(function (text) { var note = made("p", text[0].toUpperCase() + text.slice(1) + "."); note.className = "under"; output.append(note); });
    } catch (error) {
      if (!(error instanceof Refusal)) { throw error; }
      var line = made("p", error.message); line.className = "refused"; output.append(line);
    }
  }

  function frequencies(risks) {
    var h = model.reference, within = model.horizons[h] === null ? "" : " within " + model.durations[h];
    return "Of 100 such patients, " + Math.round(100 * risks.level[0][h]) + " have " + model.causes[0] + within +
      " by the level alone; with the slope known, " + Math.round(100 * risks.slope[0][h]) + ".";
  }

  for (var n = 0; n < 3; n += 1) { addVisit(); }
  form.hidden = false;
  place.querySelector(".needs-script").hidden = true;
  form.querySelector("[data-add]").addEventListener("click", addVisit);
  form.addEventListener("submit", function (event) { event.preventDefault(); answer(); });
  place.compute = function (visits, covariates, stratum) {
    try { return compute(visits, covariates, stratum); } catch (error) {
      if (error instanceof Refusal) { return { refused: error.message }; }
      throw error;
    }
  };
})();
