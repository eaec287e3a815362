// The page is complete without this: it adds sorting of tables, saving of tables and figures, the choice of a marker, the
// highlighting of a group of patients, and the place in the contents.
"use strict";
(function () {
  function saveBlob(name, blob) {
    var link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(function () { URL.revokeObjectURL(link.href); }, 1000);
  }

  function save(name, type, text) {
    saveBlob(name, new Blob([text], { type: type }));
  }

  function button(label, title, action) {
    var made = document.createElement("button");
    made.type = "button";
    made.textContent = label;
    made.setAttribute("aria-label", title);
    made.addEventListener("click", action);
    return made;
  }

  function tools(after) {
    var place = document.createElement("p");
    place.className = "tools";
    after.insertAdjacentElement("afterend", place);
    return place;
  }

  // A cell that a spreadsheet would take for a formula gets an apostrophe; a number or an interval does not.
  function field(text) {
    text = text.replace(/−/g, "-").trim();
    if (/^[=+\-@\t\r]/.test(text) && !/^[+-]?[\d.]+%?( to [+-]?[\d.]+%?)?$/.test(text)) { text = "'" + text; }
    return /[",\n]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text;
  }

  function note(cell) {
    var small = cell.querySelector("small");
    return small ? small.textContent : "";
  }

  function cellText(cell) {
    return note(cell) ? cell.firstChild.textContent : cell.textContent;
  }

  // The second line of a cell (an interval, a unit) is a column of its own.
  function asCsv(head, rows) {
    var noted = Array.from(head.cells).map(function (_, column) {
      return rows.some(function (row) { return note(row.cells[column]) !== ""; });
    });
    return [head].concat(rows).map(function (row) {
      return Array.from(row.cells).flatMap(function (cell, column) {
        var second = row === head ? (column ? "interval" : "unit") : note(cell);
        return noted[column] ? [field(cellText(cell)), field(second)] : [field(cellText(cell))];
      }).join(",");
    }).join("\r\n") + "\r\n";
  }

  document.querySelectorAll("table[data-name]").forEach(function (table) {
    var rows = function () { return Array.from(table.tBodies[0].rows); };
    tools(table.closest(".scroll")).append(
      button("Save as CSV", "Save the table " + table.caption.textContent + " as CSV", function () {
        save(table.dataset.name + ".csv", "text/csv;charset=utf-8", asCsv(table.tHead.rows[0], rows()));
      })
    );
    Array.from(table.tHead.rows[0].cells).forEach(function (head, column) {
      var label = head.textContent;
      if (!label.trim()) { return; }
      head.textContent = "";
      head.append(button(label, "Sort by " + label, function () {
        var down = head.getAttribute("aria-sort") === "ascending";
        Array.from(table.tHead.rows[0].cells).forEach(function (other) { other.removeAttribute("aria-sort"); });
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        rows().map(function (row, place) {
          var text = cellText(row.cells[column]).replace(/−/g, "-").replace(/^[<+]/, "");
          var value = parseFloat(text);
          return { row: row, place: place, text: text, value: isNaN(value) ? null : value };
        }).sort(function (a, b) {
          var order = a.value !== null && b.value !== null ? a.value - b.value : a.text.localeCompare(b.text, "en");
          return (down ? -order : order) || a.place - b.place;
        }).forEach(function (entry) { table.tBodies[0].append(entry.row); });
      }));
    });
  });

  // A table that is wider than its place says how many of its columns are outside, as long as there are any.
  function hint(place) {
    var text = place.previousElementSibling;
    if (!text || text.className !== "more-columns") {
      text = document.createElement("p");
      text.className = "more-columns";
      place.insertAdjacentElement("beforebegin", text);
    }
    var edge = place.getBoundingClientRect().left + place.clientWidth - place.scrollLeft;
    var outside = Math.max(1, Array.from(place.querySelectorAll("thead th")).filter(function (head) {
      return head.getBoundingClientRect().right > edge + 1;
    }).length);
    text.hidden = place.scrollWidth <= place.clientWidth + 1;
    text.textContent = "Scroll sideways for " + outside + " more column" + (outside === 1 ? "" : "s") + " →";
  }

  var sizes = new ResizeObserver(function (entries) { entries.forEach(function (entry) { hint(entry.target); }); });
  document.querySelectorAll(".scroll").forEach(function (place) { sizes.observe(place); });

  // A picture on its own: colours as they are on paper, with a white edge, four times as large as a PNG.
  var EDGE = 12;

  function alone(svg) {
    var copy = svg.cloneNode(true);
    var box = svg.viewBox.baseVal;
    copy.setAttribute("width", box.width + 2 * EDGE);
    copy.setAttribute("height", box.height + 2 * EDGE);
    copy.setAttribute("viewBox", [-EDGE, -EDGE, box.width + 2 * EDGE, box.height + 2 * EDGE].join(" "));
    var paper = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    paper.setAttribute("x", -EDGE);
    paper.setAttribute("y", -EDGE);
    paper.setAttribute("width", "100%");
    paper.setAttribute("height", "100%");
    paper.setAttribute("fill", "#ffffff");
    copy.prepend(paper);
    return new XMLSerializer().serializeToString(copy).replace(/var\(--[a-z]+, (#[0-9a-f]{6})\)/g, "$1");
  }

  document.querySelectorAll("figure[data-name] .panel").forEach(function (panel, index, all) {
    var svg = panel.querySelector("svg");
    var figure = panel.closest("figure").dataset.name;
    var own = Array.from(all).filter(function (p) { return p.closest("figure") === panel.closest("figure"); });
    var name = figure + (own.length > 1 ? "-" + (own.indexOf(panel) + 1) : "");
    tools(svg).append(
      button("SVG", "Save the picture " + name + " as SVG", function () { save(name + ".svg", "image/svg+xml", alone(svg)); }),
      button("PNG", "Save the picture " + name + " as PNG", function () {
        var image = new Image();
        image.onload = function () {
          var canvas = document.createElement("canvas");
          canvas.width = 4 * (svg.viewBox.baseVal.width + 2 * EDGE);
          canvas.height = 4 * (svg.viewBox.baseVal.height + 2 * EDGE);
          canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
          canvas.toBlob(function (blob) { saveBlob(name + ".png", blob); });
        };
        image.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(alone(svg));
      })
    );
  });

  // One marker at a time: its pictures and words alone, its rows set off in the tables, which stay whole.
  var switches = Array.from(document.querySelectorAll(".switch"));

  function choose(marker) {
    document.body.classList.toggle("choosing", marker !== "");
    document.querySelectorAll("[data-marker]").forEach(function (part) {
      var mine = part.dataset.marker === marker;
      part.classList.toggle(part.tagName === "TR" ? "chosen" : "other", part.tagName === "TR" ? mine : marker !== "" && !mine);
    });
    document.querySelectorAll("details.more").forEach(function (part) {
      var mine = Array.from(part.querySelectorAll("[data-marker]")).some(function (one) { return one.dataset.marker === marker; });
      part.classList.toggle("other", marker !== "" && !mine);
      part.open = mine;
    });
    switches.forEach(function (place) {
      var select = place.querySelector("select");
      select.value = marker;
      place.querySelector("[role=status]").textContent =
        marker ? "Only " + select.selectedOptions[0].textContent + " is shown; its rows are set off in the tables." : "";
    });
  }

  switches.forEach(function (place) {
    var select = place.querySelector("select");
    place.hidden = false;
    select.addEventListener("change", function () {
      var before = select.getBoundingClientRect().top;
      choose(select.value);
      scrollBy({ top: select.getBoundingClientRect().top - before, behavior: "instant" });
    });
  });

  // A group of patients at a time: the others stay where they are, faint.
  document.querySelectorAll("figure[data-groups]").forEach(function (figure) {
    var place = document.createElement("p");
    place.className = "highlight";
    place.append("Highlight ");
    var buttons = figure.dataset.groups.split(" ").map(function (group) {
      return button(group, "Highlight " + group + " risk", function (event) {
        var on = event.currentTarget.getAttribute("aria-pressed") !== "true";
        buttons.forEach(function (one) { one.setAttribute("aria-pressed", String(on && one.textContent === group)); });
        figure.closest("section").querySelectorAll("[data-group]").forEach(function (part) {
          var mine = part.dataset.group === group;
          part.classList.toggle(part.tagName === "TR" ? "chosen" : "faint", on && mine === (part.tagName === "TR"));
        });
      });
    });
    buttons.forEach(function (one) { one.setAttribute("aria-pressed", "false"); place.append(one, " "); });
    figure.prepend(place);
  });

  // The evidence is closed until somebody asks for it: by a link, by its title, or all of it.
  var layers = Array.from(document.querySelectorAll("details.layer"));

  function reveal(hash) {
    var target = hash.length > 1 && document.getElementById(decodeURIComponent(hash.slice(1)));
    if (!target) { return; }
    var closed = [];
    for (var part = target.closest("details"); part; part = part.parentElement.closest("details")) {
      if (!part.open) { closed.push(part); }
    }
    closed.forEach(function (one) { one.open = true; });
    if (closed.length) { target.scrollIntoView({ behavior: "instant" }); }
  }

  addEventListener("hashchange", function () { reveal(location.hash); });
  document.addEventListener("click", function (event) {
    var link = event.target.closest('a[href^="#"]');
    if (link) { reveal(link.hash); }
  });
  reveal(location.hash);

  function openAll(open) {
    layers.forEach(function (layer) { layer.open = open; });
  }

  function printAll() {
    var were = layers.filter(function (layer) { return layer.open; });
    openAll(true);
    print();
    layers.forEach(function (layer) { layer.open = were.indexOf(layer) >= 0; });
  }

  if (layers.length) {
    tools(document.querySelector("#behind p")).append(
      button("Open all", "Open all sections of the evidence", function () { openAll(true); }),
      button("Close all", "Close all sections of the evidence", function () { openAll(false); }),
      button("Print all", "Print the report with all sections of the evidence", printAll)
    );
  }

  // What is folded within an open section is printed open; a closed section of the evidence is not printed.
  addEventListener("beforeprint", function () {
    document.querySelectorAll("details:not([open]):not(.bulk):not(.layer)").forEach(function (part) {
      part.open = true;
      part.dataset.folded = "";
    });
  });
  addEventListener("afterprint", function () {
    document.querySelectorAll("details[data-folded]").forEach(function (part) { part.open = false; delete part.dataset.folded; });
  });

  var links = new Map(Array.from(document.querySelectorAll("nav a")).map(function (link) { return [link.hash.slice(1), link]; }));
  var watcher = new IntersectionObserver(function (entries) {
    entries.forEach(function (entry) {
      var link = links.get(entry.target.id || entry.target.dataset.anchor);
      if (!entry.isIntersecting || !link) { return; }
      links.forEach(function (other) { other.removeAttribute("aria-current"); });
      link.setAttribute("aria-current", "true");
    });
  }, { rootMargin: "-20% 0px -70% 0px" });
  document.querySelectorAll("main > section, main > details.layer").forEach(function (part) { watcher.observe(part); });
})();
